"""Thumbnails of parts and previews, as data URLs: no picture is written to disk or served."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING

from webui.media.reader import Preview
from webui.protocol import FrameTime, ImagePart, Label, Part
from webui.ui.conversation import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_SIDE = 480


def make_thumbnail(image: Image, label: Label) -> Picture:
    thumbnail = image.convert("RGB")
    thumbnail.thumbnail((MAX_SIDE, MAX_SIDE))
    buffer = BytesIO()
    thumbnail.save(buffer, "JPEG", quality=80)
    return Picture("data:image/jpeg;base64," + b64encode(buffer.getvalue()).decode(), label)


def make_thumbnails(parts: Iterable[Part]) -> tuple[Picture, ...]:
    """Return a thumbnail of every page, picture and frame of the parts, in their order."""
    pictures: list[Picture] = []
    for part in parts:
        if isinstance(part, str):
            continue
        if isinstance(part, ImagePart):
            pictures.append(make_thumbnail(part.image, part.label))
            continue
        for frame, seconds in zip(part.frames, part.timestamps, strict=True):
            pictures.append(make_thumbnail(frame, FrameTime(seconds)))
    return tuple(pictures)


def preview_thumbnails(preview: Preview) -> tuple[Picture, ...]:
    return tuple(map(make_thumbnail, preview.thumbnails, preview.labels))
