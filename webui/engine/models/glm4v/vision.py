"""The vision encoder of Glm4v: the patches of images to features in the text decoder's space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from webui.engine.prompt import VisionSpan


class VisionEncoder:
    """Encodes spans with the vision tower of a Glm4vForConditionalGeneration.

    The tower normalizes, attends and merges within each image, so that the features of an image do
    not depend on the others of a batch.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        replace_convolutions(model.model.visual)

    def __call__(self, spans: Sequence[VisionSpan]) -> list[Tensor]:
        """Return features [span.length, hidden] of each span, computed in one pass."""
        pixels = [span.pixels for span in spans]
        patches = pixels[0] if len(pixels) == 1 else torch.cat(pixels)
        patches = patches.to(self._model.device, self._model.dtype)
        grids = torch.tensor([span.grid for span in spans], device=self._model.device)
        outputs = self._model.get_image_features(patches, grids, return_dict=True).pooler_output
        return list(outputs)


def replace_convolutions(tower: Any) -> None:
    """Compute the tower's two convolutions as matrix products, which give the same and are faster.

    The kernel of each is as large as its input, one patch or one cell of patches to be merged, so
    that it is applied at a single place.
    """
    for convolution in (tower.patch_embed.proj, tower.downsample):
        convolution.forward = _matmul(convolution.weight.flatten(1), convolution.bias)


def _matmul(weight: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    return lambda windows: linear(windows.flatten(1), weight, bias)
