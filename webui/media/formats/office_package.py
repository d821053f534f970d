"""What lies in a ZIP or OLE container: an office file that can be read, or the reason why not.

A hostile container can take long to read, so `check_package` runs in a child process only.
"""

from __future__ import annotations

import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from webui.errors import (
    DamagedFileError,
    PasswordProtectedError,
    TooLargeError,
    UnsupportedTypeError,
)
from webui.media.formats.file_type import OLE
from webui.media.formats.registry import OFFICE_TYPES, OfficeType, accepted_formats
from webui.media.sizes import megabytes

# LibreOffice 7.4 takes about this many bytes of memory for one byte of XML. Measured with slides
# of 2 to 256 MB: 32 to 80 for shapes with words as PowerPoint writes them, 310 for terse ones, 590
# for empty ones, 4 for white space, almost none for drawn paths. A file that takes more than the
# limit nevertheless is ended when it does.
OFFICE_MEMORY_PER_XML = 32
# A presentation of 1,000 slides with notes and a picture each has 6,000.
MAX_PARTS = 20_000
PIECE_BYTES, HEAD_BYTES = 64 * 1024, 512
# How XML begins, white space and the NULs of wide characters left out: plain, with a byte order
# mark, in EBCDIC.
XML_STARTS = (b"<", b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe", b"\x4c\x6f\xa7\x94")


def check_package(path: Path, name: str, memory_bytes: int, *, office: bool) -> OfficeType:
    """Return the type of an office file that can be read.

    `office` says whether LibreOffice is installed. Raises PasswordProtectedError,
    DamagedFileError, UnsupportedTypeError, and TooLargeError for a file that would take more than
    `memory_bytes`, for its parts or for the document model that its XML becomes.
    """
    with path.open("rb") as file:
        if file.read(len(OLE)) != OLE:
            return _check_zip(path, name, memory_bytes, office)
        data = file.read()
    if _ole_name("EncryptedPackage") in data:
        raise PasswordProtectedError(name=name)
    for known in OFFICE_TYPES:
        if known.stream and _ole_name(known.stream) in data:
            return _check_fallback(known, name, office)
    raise UnsupportedTypeError(name=name, accepted=accepted_formats())


def _ole_name(name: str) -> bytes:
    """Return the name of a stream as an OLE directory spells it."""
    return name.encode("utf-16-le")


def _check_fallback(known: OfficeType, name: str, office: bool) -> OfficeType:
    if not office and not known.fallback:
        drawn = [other.suffix.upper() for other in OFFICE_TYPES if other.fallback]
        lacking = f"for {known.suffix.upper()} the server lacks LibreOffice"
        raise UnsupportedTypeError(name=name, accepted=f"PDF and {', '.join(drawn)}; {lacking}")
    return known


def _check_zip(path: Path, name: str, memory_bytes: int, office: bool) -> OfficeType:
    try:
        with zipfile.ZipFile(path) as package:
            known = _zip_type(package.namelist(), name)
            _check_parts(package, name, memory_bytes)
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        raise DamagedFileError(name=name) from error
    return _check_fallback(known, name, office)


def _zip_type(parts: list[str], name: str) -> OfficeType:
    for known in OFFICE_TYPES:
        if known.part_prefix and any(part.startswith(known.part_prefix) for part in parts):
            return known
    raise UnsupportedTypeError(name=name, accepted=accepted_formats())


def _check_parts(package: zipfile.ZipFile, name: str, memory_bytes: int) -> None:
    """Inflate every part, and stop at the first that is too much."""
    # The sizes in the directory of the container may be wrong: only inflating finds the true ones.
    parts, max_xml = package.infolist(), memory_bytes // OFFICE_MEMORY_PER_XML
    if len(parts) > MAX_PARTS:
        raise TooLargeError(name=name, size=f"{len(parts):,} parts", limit=f"{MAX_PARTS:,}")
    xml = total = 0
    for part in parts:
        left = part.file_size
        for is_xml, count in _inflate(package, part):
            left, total, xml = max(left - count, 0), total + count, xml + is_xml * count
            if xml > max_xml:
                size = f"{megabytes(xml + left)} of XML"
                raise TooLargeError(name=name, size=size, limit=megabytes(max_xml))
            if total > memory_bytes:
                size = f"{megabytes(total + left)} unpacked"
                raise TooLargeError(name=name, size=size, limit=megabytes(memory_bytes))


def _inflate(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[tuple[bool, int]]:
    """Yield, for each piece of the part, whether it is XML and the number of bytes."""
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError("office programs use no other method, and others are unbounded")
    # Read to the end of the packed data, whatever size and checksum the directory has.
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
            # LibreOffice stops at the broken byte too. Count what may have come before it.
            yield is_xml, PIECE_BYTES


def begins_as_xml(head: bytes) -> bool:
    """Whether an XML parser would go on after these bytes; it refuses others at once."""
    head = head.lstrip(b" \t\r\n\0")
    return not head or head.startswith(XML_STARTS)
