"""What a file is, by its first bytes and never by its name. Pure."""

from __future__ import annotations

from typing import Literal

from webui.errors import DamagedFileError, UnsupportedTypeError

# A deck is a ZIP or OLE container; whether there really is one in it is found out in the child process.
Format = Literal["picture", "pdf", "pptx", "ppt", "video"]
PICTURE_TYPES = "PNG, JPEG, WebP, GIF, BMP, TIFF"
ACCEPTED = f"{PICTURE_TYPES}, PDF, PPT, PPTX and video"
HEAD_BYTES = 2048
PICTURES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
)
# Matroska and WebM, Flash, Ogg, MPEG program and elementary streams, ASF (WMV).
VIDEOS = (
    b"\x1aE\xdf\xa3",
    b"FLV\x01",
    b"OggS",
    b"\0\0\x01\xba",
    b"\0\0\x01\xb3",
    b"0&\xb2u\x8ef\xcf\x11",
)
MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
# HEIC and AVIF photos lie in the same boxes as video.
PHOTO_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
OLE, ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"
# The length of a packet of an MPEG transport stream, and where the first begins: plain, and as cameras write it.
TRANSPORT = ((188, 0), (192, 4))


def sniff(head: bytes, name: str) -> Format:
    """`head`: the first HEAD_BYTES. Raises UnsupportedTypeError, or DamagedFileError for an empty file."""
    if not head:
        raise DamagedFileError(name=name)
    if head.startswith(PICTURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "picture"
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(ZIP):
        return "pptx"
    if head.startswith(OLE):
        return "ppt"
    if _is_video(head):
        return "video"
    raise UnsupportedTypeError(name=name, accepted=ACCEPTED)


def _is_video(head: bytes) -> bool:
    boxes = head[4:8] in MP4_BOXES and not (head[4:8] == b"ftyp" and head[8:12] in PHOTO_BRANDS)
    riff = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    return boxes or riff or head.startswith(VIDEOS) or _is_transport(head)


def _is_transport(head: bytes) -> bool:
    return any(
        all(head[first + length * k : first + length * k + 1] == b"G" for k in range(3))
        for length, first in TRANSPORT
    )
