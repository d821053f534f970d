"""Images as data URLs: their bytes, the size in their header, and what is wrong with them.

Nothing is ever fetched.
"""

from __future__ import annotations

import re
import struct
from binascii import a2b_base64

from webui.api.errors import MAX_SHOWN_LENGTH
from webui.errors import InvalidFieldError

EXAMPLE = "a data URL such as data:image/png;base64,..."
IMAGE_DATA_URL = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)
MEDIA_TYPE = re.compile(r"data:([\w.+-]+/[\w.+-]+)?", re.IGNORECASE)
NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")
# Characters of base64 decoded at once, a multiple of 4. Other threads run between two pieces.
PIECE_LENGTH = 1024**2
# Bytes that hold the size in every format but JPEG.
HEADER_BYTES = 30
MAX_JPEG_SEGMENTS = 100
# SOF0 to SOF15 without DHT, JPG and DAC, which share their range (ITU-T T.81, table B.1).
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def image_bytes(url: str, field: str) -> bytes:
    """Return the decoded bytes. Raises InvalidFieldError, which names `field`."""
    start = payload_start(url, field)
    padding = url.find("=", start)
    # a2b_base64 accepts data after padding that ends a piece, so the place is checked first.
    padding_at_end = padding < 0 or padding >= len(url) - 2
    try:
        if padding_at_end:
            pieces = [
                a2b_base64(url[at : at + PIECE_LENGTH], strict_mode=True)
                for at in range(start, len(url), PIECE_LENGTH)
            ]
            return b"".join(pieces)
    except ValueError:
        pass
    accepted = f"{EXAMPLE}; {describe_damage(url, start)}"
    raise InvalidFieldError(field=field, value=url[:MAX_SHOWN_LENGTH], accepted=accepted)


def payload_start(url: str, field: str) -> int:
    """Return where the base64 begins. Raises InvalidFieldError if `url` is no image data URL."""
    head = IMAGE_DATA_URL.match(url)
    if head:
        return head.end()
    match = MEDIA_TYPE.match(url)
    media_type = (match and match[1]) or "text/plain"
    if match is None:
        reason = "addresses are not fetched"
    elif media_type.lower().startswith("image/"):
        reason = 'this one does not say "base64"'
    else:
        reason = f"this one is {media_type}"
    accepted = f"{EXAMPLE}; {reason}"
    raise InvalidFieldError(field=field, value=url[:MAX_SHOWN_LENGTH], accepted=accepted)


def describe_damage(url: str, start: int) -> str:
    """Return what is wrong with the base64 that begins at `start`."""
    wrong = NOT_BASE64.search(url, start)
    if wrong:
        place = wrong.start() - start + 1
        return f"its base64 has {wrong[0]!r} at place {place:,}, which is not base64"
    padding = url.find("=", start)
    if 0 <= padding < len(url.rstrip("=")):
        after = padding + len(url[padding:]) - len(url[padding:].lstrip("="))
        return f"its base64 goes on behind its padding, at place {after - start + 1:,}"
    length = len(url) - start
    return (
        f"its base64 is incomplete: {length:,} characters with their padding, "
        "which is no multiple of 4"
    )


def natural_size(url: str) -> tuple[int, int] | None:
    """Return (width, height) in pixels from the header, or None if it has none.

    Decodes only a few bytes, of PNG, GIF, BMP, WebP or JPEG.
    """
    head = IMAGE_DATA_URL.match(url)
    start = head.end() if head else 0
    data = _read(url, start, 0, HEADER_BYTES)
    if len(data) < HEADER_BYTES:
        return None
    if data.startswith(b"\xff\xd8"):
        size = _jpeg_size(url, start)
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        size = struct.unpack(">II", data[16:24])
    elif data.startswith(b"GIF8"):
        size = struct.unpack("<HH", data[6:10])
    elif data.startswith(b"BM"):
        # A negative height means that the rows are stored from top to bottom.
        size = tuple(map(abs, struct.unpack("<ii", data[18:26])))
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        size = _webp_size(data)
    else:
        return None
    return (size[0], size[1]) if len(size) == 2 and all(size) else None


def _webp_size(data: bytes) -> tuple[int, ...]:
    """Return the size of the extended (VP8X), lossless (VP8L) or lossy (VP8) format."""
    if data[12:16] == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", data[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _jpeg_size(url: str, start: int) -> tuple[int, ...]:
    """Return the size in the first frame header; segments before it, such as Exif, are skipped."""
    place = 2
    for _ in range(MAX_JPEG_SEGMENTS):
        segment = _read(url, start, place, 9)
        if len(segment) < 9 or segment[0] != 0xFF:
            return ()
        if segment[1] in START_OF_FRAME:
            height, width = struct.unpack(">HH", segment[5:9])
            return width, height
        # 0xFF may be repeated as padding before a marker.
        place += 1 if segment[1] == 0xFF else 2 + int.from_bytes(segment[2:4], "big")
    return ()


def _read(url: str, start: int, place: int, count: int) -> bytes:
    """Return `count` decoded bytes at `place` of the base64 from `start`, fewer at its end."""
    first, last = place // 3 * 4, -(-(place + count) // 3) * 4
    try:
        piece = a2b_base64(url[start + first : start + last])
    except ValueError:
        return b""
    return piece[place % 3 :][:count]
