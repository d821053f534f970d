"""What lies in a ZIP or OLE container: a deck that can be read, or the reason why not.

A hostile container can take long to read, so this runs in a child process only.
"""

from __future__ import annotations

import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from webui.errors import (
    DamagedFileError,
    PasswordProtectedError,
    TooLargeError,
    UnsupportedTypeError,
)
from webui.media.formats.file_type import ACCEPTED, OLE
from webui.media.sizes import megabytes

# How OLE spells the names of the streams inside it.
ENCRYPTED, POWERPOINT = (
    name.encode("utf-16-le") for name in ("EncryptedPackage", "PowerPoint Document")
)
WITHOUT_OFFICE = "PDF and PPTX; for PPT the server lacks LibreOffice"
# A deck of 1,000 slides with notes and a picture each has 6,000.
MOST_PARTS = 20_000
# LibreOffice 7.4 takes about so many bytes of memory for one of XML. Measured with slides of 2 to 256 MB: 32 to 80 for
# shapes with words as PowerPoint writes them, 310 for terse ones, 590 for empty ones, 4 for white space, next to none
# for drawn paths. What takes more than the limit nevertheless is ended when it does.
OFFICE_MEMORY_PER_XML = 32
PIECE_BYTES, HEAD_BYTES = 64 * 1024, 512
# How XML begins, white space and the NULs of wider characters left out: plain, with a byte order mark, in EBCDIC.
XML_STARTS = (b"<", b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe", b"\x4c\x6f\xa7\x94")


def check_deck(path: Path, name: str, memory_bytes: int, *, office: bool) -> Literal["pptx", "ppt"]:
    """Raises PasswordProtectedError, DamagedFileError, UnsupportedTypeError for what is no deck we can read.

    TooLargeError for one that would take more than `memory_bytes`, to hold its parts or to make slides of its XML.
    """
    with path.open("rb") as file:
        if file.read(len(OLE)) != OLE:
            return _check_zip(path, name, memory_bytes)
        data = file.read()
    if ENCRYPTED in data:
        raise PasswordProtectedError(name=name)
    if POWERPOINT not in data:
        raise UnsupportedTypeError(name=name, accepted=ACCEPTED)
    if not office:
        raise UnsupportedTypeError(name=name, accepted=WITHOUT_OFFICE)
    return "ppt"


def _check_zip(path: Path, name: str, memory_bytes: int) -> Literal["pptx"]:
    try:
        with zipfile.ZipFile(path) as package:
            if not any(inner.startswith("ppt/") for inner in package.namelist()):
                raise UnsupportedTypeError(name=name, accepted=ACCEPTED)
            _check_parts(package, name, memory_bytes)
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        raise DamagedFileError(name=name) from error
    return "pptx"


def _check_parts(package: zipfile.ZipFile, name: str, memory_bytes: int) -> None:
    """Inflates every part, since the sizes in the directory may be wrong, and stops at the first that is too much."""
    parts, most_xml = package.infolist(), memory_bytes // OFFICE_MEMORY_PER_XML
    if len(parts) > MOST_PARTS:
        raise TooLargeError(name=name, size=f"{len(parts):,} parts", limit=f"{MOST_PARTS:,}")
    xml = total = 0
    for part in parts:
        left = part.file_size
        for is_xml, count in _pieces(package, part):
            left, total, xml = max(left - count, 0), total + count, xml + is_xml * count
            if xml > most_xml:
                raise TooLargeError(
                    name=name, size=f"{megabytes(xml + left)} of XML", limit=megabytes(most_xml)
                )
            if total > memory_bytes:
                raise TooLargeError(
                    name=name,
                    size=f"{megabytes(total + left)} unpacked",
                    limit=megabytes(memory_bytes),
                )


def _pieces(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[tuple[bool, int]]:
    """Whether it is XML and how many bytes came, piece by piece. What is broken ends there for LibreOffice too."""
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError(
            "no writer of decks packs them so, and other methods inflate without bounds"
        )
    # Read to the end of what is packed, whatever size and checksum the directory names.
    part.file_size = sys.maxsize
    del part.CRC
    is_xml = True
    with package.open(part) as stream:
        try:
            head = stream.read(HEAD_BYTES)
            is_xml = begins_as_xml(head)
            yield is_xml, len(head)
            if not is_xml and part.compress_type == zipfile.ZIP_STORED:
                yield is_xml, part.compress_size - len(head)
                return
            while piece := stream.read(PIECE_BYTES):
                yield is_xml, len(piece)
        except (zlib.error, EOFError):
            yield is_xml, PIECE_BYTES  # as much as may have come before it broke


def begins_as_xml(head: bytes) -> bool:
    """A parser refuses at once what begins otherwise, whatever the part is called."""
    head = head.lstrip(b" \t\r\n\0")
    return not head or head.startswith(XML_STARTS)
