"""An image processor that computes the size of an image's patch grid, and no patches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

CACHED_SIZES = 1024


class GridOnlyImageProcessor:
    """Stands in for a processor's image processor while a chat template is filled in.

    The template needs the number of tokens of each image, which depends on its size alone. Patches
    are computed later, and only for images without cached features.
    """

    def __init__(self, image_processor: Any) -> None:
        self._image_processor = image_processor
        self.merge_size = image_processor.merge_size
        self._cached_grid = lru_cache(CACHED_SIZES)(self._measure_grid)

    def fetch_images(self, images: Any) -> Any:
        """Return the images, which are in memory already. Processors call this to load URLs."""
        return images

    def __call__(self, images: Any, **arguments: Any) -> dict[str, Tensor]:
        grids = [self._cached_grid(*image.size) for image in _first_batch(images)]
        return {"image_grid_thw": grids[0].new_tensor([grid.tolist() for grid in grids])}

    def patches(self, image: Image.Image) -> Tensor:
        """Return the patches [patches, patch size] of an image."""
        return self._image_processor(image, return_tensors="pt")["pixel_values"]

    def _measure_grid(self, width: int, height: int) -> Tensor:
        """Return [3]: 1, rows and columns of an image of that size.

        The image processor is asked once for each size, so that its rounding is not repeated here.
        """
        blank = Image.new("RGB", (width, height))
        return self._image_processor(blank, return_tensors="pt")["image_grid_thw"][0]


def _first_batch(images: Any) -> Sequence[Image.Image]:
    """Return the images of the only conversation; apply_chat_template passes a list for each."""
    return images[0] if isinstance(images[0], list) else images
