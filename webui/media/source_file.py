"""A file to be read: opened without following links, recognised by its bytes, and pinned for the next reader.

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
from webui.media.formats.file_type import HEAD_BYTES, Format, sniff
from webui.media.sizes import megabytes


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What was seen of it when it was recognised. `identity`: its device and inode."""

    path: Path
    form: Format
    size_bytes: int
    identity: tuple[int, int]


def recognise(path: Path, max_bytes: int) -> SourceFile:
    """Raises TooLargeError before anything is read, UnsupportedTypeError, DamagedFileError, or as open_regular does."""
    with open_regular(path) as file:
        found = os.fstat(file.fileno())
        check_size(found.st_size, path.name, max_bytes)
        return SourceFile(
            path,
            sniff(file.read(HEAD_BYTES), path.name),
            found.st_size,
            (found.st_dev, found.st_ino),
        )


def check_size(size: int, name: str, max_bytes: int) -> None:
    if size > max_bytes:
        raise TooLargeError(name=name, size=megabytes(size), limit=megabytes(max_bytes))


def open_regular(path: Path) -> BinaryIO:
    """Raises AttachmentError for what is gone, a link, a folder, a pipe or a device; a pipe is never waited for."""
    return os.fdopen(_descriptor(path, path.name), "rb")


def pinned(path: str, identity: tuple[int, int], name: str) -> str:
    """A path to the file that was recognised, valid while this process lives, whatever stands at `path` later.

    Raises AttachmentError if another file stands there already.
    """
    descriptor = _descriptor(path, name)
    found = os.fstat(descriptor)
    if (found.st_dev, found.st_ino) != identity:
        raise AttachmentError(name=name)
    return f"/proc/{os.getpid()}/fd/{descriptor}" if sys.platform == "linux" else path


def _descriptor(path: Path | str, name: str) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
    except OSError as error:
        raise AttachmentError(name=name) from error
    raise AttachmentError(name=name)
