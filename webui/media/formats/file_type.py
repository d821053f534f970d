"""Recognise pictures, documents and videos by their first bytes, never by their names. Pure."""

from __future__ import annotations

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
# HEIC and AVIF photos come in the same boxes as video.
PHOTO_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
OLE, ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"
# (packet length, offset of the first sync byte) of MPEG transport streams: plain, and of cameras.
TRANSPORT_STREAMS = ((188, 0), (192, 4))
SYNC_BYTE, SYNC_COUNT = b"G", 3


def is_picture(head: bytes) -> bool:
    return head.startswith(PICTURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def is_pdf(head: bytes) -> bool:
    """Writers may put junk before the header; readers accept it within the first kilobyte."""
    return b"%PDF-" in head[:1024]


def is_office_container(head: bytes) -> bool:
    """Whether the head is that of a ZIP or OLE container, in which an office file may lie."""
    return head.startswith((ZIP, OLE))


def is_video(head: bytes) -> bool:
    boxes = head[4:8] in MP4_BOXES and not (head[4:8] == b"ftyp" and head[8:12] in PHOTO_BRANDS)
    riff = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    return boxes or riff or head.startswith(VIDEOS) or _is_transport_stream(head)


def _is_transport_stream(head: bytes) -> bool:
    for length, offset in TRANSPORT_STREAMS:
        places = range(offset, offset + SYNC_COUNT * length, length)
        if all(head[place : place + 1] == SYNC_BYTE for place in places):
            return True
    return False
