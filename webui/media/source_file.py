"""Open files without following links, recognise them by their bytes, and pin them for a child.

Knows no format beyond its first bytes.
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from webui.errors import AttachmentError, TooLargeError
from webui.media.formats.file_type import HEAD_BYTES
from webui.media.formats.registry import Format, sniff
from webui.media.sizes import megabytes


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A recognised file. `identity` is its device and inode, `modified_ns` the time of its last
    change.
    """

    path: Path
    format: Format
    size_bytes: int
    identity: tuple[int, int]
    modified_ns: int

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def version(self) -> tuple[int, ...]:
        """A key that changes with the file, and with what stands at its path."""
        return (*self.identity, self.modified_ns, self.size_bytes)


def recognise(path: Path, max_bytes: int) -> SourceFile:
    """Open the file and find its format.

    Raises TooLargeError before anything is read, UnsupportedTypeError, DamagedFileError for an
    empty file, or the errors of open_regular.
    """
    with open_regular(path) as file:
        status = os.fstat(file.fileno())
        check_size(status.st_size, path.name, max_bytes)
        file_format = sniff(file.read(HEAD_BYTES), path.name)
    identity = (status.st_dev, status.st_ino)
    return SourceFile(path, file_format, status.st_size, identity, status.st_mtime_ns)


def check_size(size: int, name: str, max_bytes: int) -> None:
    if size > max_bytes:
        raise TooLargeError(name=name, size=megabytes(size), limit=megabytes(max_bytes))


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises AttachmentError for a missing file, a link, a folder, a pipe or a device. A pipe without
    a writer does not block.
    """
    return os.fdopen(_open_descriptor(path, path.name), "rb")


def pin(path: str, identity: tuple[int, int], name: str) -> str:
    """Return a path to the recognised file that stays valid while this process lives.

    Where Linux is, that is the open descriptor under /proc, whatever replaces the file later.
    Raises AttachmentError if another file stands at `path` already.
    """
    descriptor = _open_descriptor(path, name)
    status = os.fstat(descriptor)
    if (status.st_dev, status.st_ino) != identity:
        raise AttachmentError(name=name)
    return f"/proc/{os.getpid()}/fd/{descriptor}" if sys.platform == "linux" else path


def _open_descriptor(path: Path | str, name: str) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
    except OSError as error:
        raise AttachmentError(name=name) from error
    raise AttachmentError(name=name)
