"""A prompt ready for prefill: token ids, positions and image spans.

Pure values; imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# Returns True once the request that a prompt is built for has been aborted.
IsAborted = Callable[[], bool]


class AbandonedError(Exception):
    """Raised by a prompt builder that stops because its request was aborted."""


@dataclass(frozen=True, eq=False)
class VisionSpan:
    """The run of prompt tokens that stands for one image, or for one pair of video frames.

    `grid` counts patches as (1, rows, columns), `digest` identifies the pixels, `cut` computes the
    patches.
    """

    start: int
    length: int
    digest: str
    grid: tuple[int, int, int]
    cut: Callable[[], Tensor]

    @cached_property
    def pixels(self) -> Tensor:
        """The patches [patches, patch size], computed on first use.

        Most images of a conversation never need them, because their features are in the cache.
        """
        return self.cut()

    def forget_pixels(self) -> None:
        """Free the patches. They take far more memory than the features that replace them."""
        self.__dict__.pop("pixels", None)

    @property
    def end(self) -> int:
        return self.start + self.length


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """One tokenised request.

    `positions` is [3, len(ids)]; the first token after the prompt is at len(ids) + rope_offset.
    `prefix_ids` are what prompts are compared by: the id of a text token, and a number derived
    from the pixels for an image token. `features` maps the digest of a span to its image features
    [length, hidden], for those spans that have been encoded already.
    """

    ids: list[int]
    prefix_ids: list[int]
    positions: Tensor
    rope_offset: int
    spans: tuple[VisionSpan, ...]
    features: dict[str, Tensor] = field(default_factory=dict)
