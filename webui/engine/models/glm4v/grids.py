"""Grids: how many patches a picture has, by its size alone, so that a prompt can be built before any patch is cut."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

SIZES = 1024


class Grids:
    """Takes the place of a processor's image processor while the chat template is filled in. Cuts no patches."""

    def __init__(self, image_processor: Any) -> None:
        self._image_processor = image_processor
        self.merge_size = image_processor.merge_size
        self._grid = lru_cache(SIZES)(self._measure)

    def fetch_images(self, images: Any) -> Any:
        return images

    def __call__(self, images: Any, **arguments: Any) -> dict[str, Tensor]:
        grids = [self._grid(*image.size) for image in _flat(images)]
        return {"image_grid_thw": grids[0].new_tensor([grid.tolist() for grid in grids])}

    def cut(self, image: Image.Image) -> Tensor:
        """The patches [patches, patch size] of a picture."""
        return self._image_processor(image, return_tensors="pt")["pixel_values"]

    def _measure(self, width: int, height: int) -> Tensor:
        """[3]: one, rows, columns. The image processor itself says it, once for each size: its rule is not repeated."""
        blank = Image.new("RGB", (width, height))
        return self._image_processor(blank, return_tensors="pt")["image_grid_thw"][0]


def _flat(images: Any) -> Sequence[Image.Image]:
    """The template call hands over one list for each conversation; here there is one."""
    return images[0] if isinstance(images[0], list) else images
