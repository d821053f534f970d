"""What a file is, by its bytes and never by its name. Pure."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from webui.errors import DamagedFileError, PasswordProtectedError, UnsupportedTypeError
from webui.protocol import AttachmentKind

Format = Literal["picture", "pdf", "pptx", "ppt", "video"]
ACCEPTED = "PNG, JPEG, WebP, GIF, BMP, TIFF, PDF, PPT, PPTX and video"
HEAD_BYTES = 2048
KINDS: dict[Format, AttachmentKind] = {
    "picture": "image",
    "pdf": "document",
    "pptx": "document",
    "ppt": "document",
    "video": "video",
}
PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
VIDEOS = (b"\x1aE\xdf\xa3", b"FLV\x01", b"OggS", b"\0\0\x01\xba", b"\0\0\x01\xb3", b"0&\xb2u\x8ef\xcf\x11")
MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
OLE, ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"
# How OLE spells the names of the streams inside it.
ENCRYPTED, POWERPOINT = (name.encode("utf-16-le") for name in ("EncryptedPackage", "PowerPoint Document"))
TRANSPORT_PACKET = 188


@dataclass(frozen=True, slots=True)
class Sniffed:
    format: Format

    @property
    def kind(self) -> AttachmentKind:
        return KINDS[self.format]


def sniff(path: Path, name: str) -> Sniffed:
    """Raises UnsupportedTypeError, DamagedFileError for an empty file, PasswordProtectedError for encrypted decks."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise DamagedFileError(name=name)
    if head.startswith(PICTURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return Sniffed("picture")
    if b"%PDF-" in head[:1024]:
        return Sniffed("pdf")
    if head.startswith(ZIP):
        return _zip(path, name)
    if head.startswith(OLE):
        return _ole(path, name)
    if _is_video(head):
        return Sniffed("video")
    raise UnsupportedTypeError(name=name, accepted=ACCEPTED)


def _is_video(head: bytes) -> bool:
    transport = head[:1] == b"G" and head[TRANSPORT_PACKET : TRANSPORT_PACKET + 1] == b"G"
    riff = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    return transport or riff or head[4:8] in MP4_BOXES or head.startswith(VIDEOS)


def _zip(path: Path, name: str) -> Sniffed:
    try:
        with zipfile.ZipFile(path) as package:
            names = package.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DamagedFileError(name=name) from error
    if any(name.startswith("ppt/") for name in names):
        return Sniffed("pptx")
    raise UnsupportedTypeError(name=name, accepted=ACCEPTED)


def _ole(path: Path, name: str) -> Sniffed:
    """Old PowerPoint, or a new one behind a password; the names of its streams stand in the container's directory."""
    data = path.read_bytes()
    if ENCRYPTED in data:
        raise PasswordProtectedError(name=name)
    if POWERPOINT in data:
        return Sniffed("ppt")
    raise UnsupportedTypeError(name=name, accepted=ACCEPTED)
