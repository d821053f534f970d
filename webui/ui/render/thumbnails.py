"""Thumbnails of parts and previews, as data URLs: no picture is written to disk or served."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from webui.media.reader import Preview
from webui.protocol import FrameTime, ImagePart, Label, Part, VideoPart
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


def make_thumbnails(
    parts: Iterable[Part], previewed: Iterable[Picture] = ()
) -> tuple[Picture, ...]:
    """Return a thumbnail of every page, picture and frame of the parts, in their order.

    Those that a preview of the file has made already are taken from `previewed`: a large page
    takes 15 ms. A page that the model sees smaller than a thumbnail is shown as the model sees it.
    """
    known = {picture.label: picture for picture in previewed}
    pictures: list[Picture] = []
    for image, label in _images(parts):
        picture = known.get(label)
        if picture is None or max(image.size) < MAX_SIDE:
            picture = make_thumbnail(image, label)
        pictures.append(picture)
    return tuple(pictures)


def _images(parts: Iterable[Part]) -> Iterator[tuple[Image, Label]]:
    for part in parts:
        if isinstance(part, ImagePart):
            yield part.image, part.label
        elif isinstance(part, VideoPart):
            yield from zip(part.frames, map(FrameTime, part.timestamps), strict=True)


def preview_thumbnails(preview: Preview) -> tuple[Picture, ...]:
    return tuple(map(make_thumbnail, preview.thumbnails, preview.labels))
