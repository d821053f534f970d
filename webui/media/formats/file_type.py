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
# HEIC and AVIF photos come in the same boxes as video; the brands in their first box tell them
# apart (ISO/IEC 23008-12, annex B; AV1 Image File Format, section 6).
AVIF_BRANDS = (b"avif", b"avis")
HEIC_BRANDS = (
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
    *(b"mif1", b"mif2", b"msf1"),
)
OLE, ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"
# (packet length, offset of the first sync byte) of MPEG transport streams: plain, and of cameras.
TRANSPORT_STREAMS = ((188, 0), (192, 4))
SYNC_BYTE, SYNC_COUNT = b"G", 3


def is_picture(head: bytes) -> bool:
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith(PICTURES) or webp or is_avif(head) or is_heic(head)


def is_avif(head: bytes) -> bool:
    """Whether the head is that of an AVIF photo, under its own brand or a general one."""
    brands = _brands(head)
    return _is_photo(brands) and not {*AVIF_BRANDS}.isdisjoint(brands)


def is_heic(head: bytes) -> bool:
    """Whether the head is that of a HEIC photo, or of another HEIF photo that is no AVIF."""
    brands = _brands(head)
    return _is_photo(brands) and {*AVIF_BRANDS}.isdisjoint(brands)


def _is_photo(brands: tuple[bytes, ...]) -> bool:
    # A video may be compatible with photos; what a file is for stands first.
    return bool(brands) and brands[0] in (*AVIF_BRANDS, *HEIC_BRANDS)


def _brands(head: bytes) -> tuple[bytes, ...]:
    """Return the major brand of an ISO base media file, then those it is compatible with."""
    if head[4:8] != b"ftyp":
        return ()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    compatible = tuple(head[place : place + 4] for place in range(16, end - 3, 4))
    return (head[8:12], *compatible)


def is_pdf(head: bytes) -> bool:
    """Writers may put junk before the header; readers accept it within the first kilobyte."""
    return b"%PDF-" in head[:1024]


def is_office_container(head: bytes) -> bool:
    """Whether the head is that of a ZIP or OLE container, in which an office file may lie."""
    return head.startswith((ZIP, OLE))


def is_video(head: bytes) -> bool:
    boxes = head[4:8] in MP4_BOXES and not is_picture(head)
    riff = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    return boxes or riff or head.startswith(VIDEOS) or _is_transport_stream(head)


def _is_transport_stream(head: bytes) -> bool:
    for length, offset in TRANSPORT_STREAMS:
        places = range(offset, offset + SYNC_COUNT * length, length)
        if all(head[place : place + 1] == SYNC_BYTE for place in places):
            return True
    return False
