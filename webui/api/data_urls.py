"""Pictures as data URLs: the bytes, the size that their header tells, and what is wrong with them, in words.

Nothing is ever fetched.
"""

from __future__ import annotations

import re
import struct
from binascii import a2b_base64

from webui.errors import InvalidFieldError

EXAMPLE = "a data URL such as data:image/png;base64,..."
DATA_URL = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)
MEDIA_TYPE = re.compile(r"data:([\w.+-]+/[\w.+-]+)?", re.IGNORECASE)
NO_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")
LONGEST_SHOWN = 60
PIECE = 1024**2  # of base64, a multiple of 4; other threads have their turn between two
MOST_SEGMENTS = 100
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def image_bytes(url: str, field: str) -> bytes:
    """Raises InvalidFieldError, which names `field`."""
    start = payload_of(url, field)
    padding = url.find("=", start)
    whole = padding < 0 or padding >= len(url) - 2
    try:
        if whole:
            return b"".join(
                a2b_base64(url[at : at + PIECE], strict_mode=True)
                for at in range(start, len(url), PIECE)
            )
    except ValueError:
        pass
    raise InvalidFieldError(
        field=field, value=url[:LONGEST_SHOWN], accepted=f"{EXAMPLE}; {damage(url, start)}"
    )


def payload_of(url: str, field: str) -> int:
    """Where the base64 begins. Raises InvalidFieldError if `url` is anything else than a picture as a data URL."""
    head = DATA_URL.match(url)
    if head:
        return head.end()
    kind = MEDIA_TYPE.match(url)
    if kind is None:
        why = "addresses are not fetched"
    elif (kind[1] or "text/plain").lower().startswith("image/"):
        why = 'this one does not say "base64"'
    else:
        why = f"this one is {kind[1] or 'text/plain'}"
    raise InvalidFieldError(field=field, value=url[:LONGEST_SHOWN], accepted=f"{EXAMPLE}; {why}")


def damage(url: str, start: int) -> str:
    """What is wrong with the base64 that begins at `start`."""
    found = NO_BASE64.search(url, start)
    if found:
        return f"its base64 has {found[0]!r} at place {found.start() - start + 1:,}, which is not base64"
    padding = url.find("=", start)
    if 0 <= padding < len(url.rstrip("=")):
        after = padding + len(url[padding:]) - len(url[padding:].lstrip("="))
        return f"its base64 goes on behind its padding, at place {after - start + 1:,}"
    return f"its base64 is incomplete: {len(url) - start:,} characters with their padding, which is no multiple of 4"


def natural_size(url: str) -> tuple[int, int] | None:
    """(width, height) in pixels as the header tells, without decoding the picture; None where that is not known.

    Reads a few bytes of PNG, GIF, BMP, WebP and JPEG.
    """
    head = DATA_URL.match(url)
    start = head.end() if head else 0
    data = _read(url, start, 0, 30)
    if len(data) < 30:
        return None
    if data.startswith(b"\xff\xd8"):
        size = _jpeg_size(url, start)
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        size = struct.unpack(">II", data[16:24])
    elif data.startswith(b"GIF8"):
        size = struct.unpack("<HH", data[6:10])
    elif data.startswith(b"BM"):
        size = tuple(map(abs, struct.unpack("<ii", data[18:26])))
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        size = _webp_size(data)
    else:
        return None
    return (size[0], size[1]) if len(size) == 2 and all(size) else None


def _webp_size(data: bytes) -> tuple[int, ...]:
    if data[12:16] == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", data[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _jpeg_size(url: str, start: int) -> tuple[int, ...]:
    """From the segment that begins the frame; those before it, a preview maybe, are passed over."""
    place = 2
    for _ in range(MOST_SEGMENTS):
        segment = _read(url, start, place, 9)
        if len(segment) < 9 or segment[0] != 0xFF:
            return ()
        if segment[1] in START_OF_FRAME:
            height, width = struct.unpack(">HH", segment[5:9])
            return width, height
        place += 1 if segment[1] == 0xFF else 2 + int.from_bytes(segment[2:4], "big")
    return ()


def _read(url: str, start: int, place: int, count: int) -> bytes:
    """`count` bytes at `place` of what the base64 from `start` holds; fewer where it ends or is none."""
    first, last = place // 3 * 4, -(-(place + count) // 3) * 4
    try:
        piece = a2b_base64(url[start + first : start + last])
    except ValueError:
        return b""
    return piece[place % 3 :][:count]
