"""Parts and previews -> small pictures that travel inside the page, so that nothing is written to disk or served."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING

from webui.protocol import FrameTime, ImagePart, Label, Part
from webui.ui.conversation import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = 480


def picture(image: Image, label: Label) -> Picture:
    small = image.convert("RGB")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return Picture("data:image/jpeg;base64," + b64encode(buffer.getvalue()).decode(), label)


def pictures_of(parts: Iterable[Part]) -> tuple[Picture, ...]:
    """Every page, picture and frame of the parts, in their order."""
    pictures: list[Picture] = []
    for part in parts:
        if isinstance(part, str):
            continue
        if isinstance(part, ImagePart):
            pictures.append(picture(part.image, part.label))
        else:
            frames = zip(part.frames, part.timestamps, strict=True)
            pictures.extend(picture(frame, FrameTime(seconds)) for frame, seconds in frames)
    return tuple(pictures)
