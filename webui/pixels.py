"""Pixels: which sizes of a picture a model takes and what they cost; what names a picture. Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import ceil, floor, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class PixelBudget:
    """Which sizes in pixels a model takes for one image, and what they cost in tokens.

    `unit` is the side of the square that one visual token covers. The rounding is that of Glm4v's smart_resize, so a
    picture fitted here passes the processor unchanged.
    """

    unit: int = 28
    min_pixels: int = 112 * 112
    max_pixels: int = 4_816_896

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) nearest to the given one, both multiples of `unit`, within the limits."""
        unit = self.unit
        wide, high = (max(unit, round(side / unit) * unit) for side in (width, height))
        if wide * high > self.max_pixels:
            scale = sqrt(width * height / self.max_pixels)
            wide, high = (max(unit, floor(side / scale / unit) * unit) for side in (width, height))
        elif wide * high < self.min_pixels:
            scale = sqrt(self.min_pixels / (width * height))
            wide, high = (ceil(side * scale / unit) * unit for side in (width, height))
        # A strip one unit high may still be over the limit, and over the side ratio of 200 that the model refuses.
        longest = min(self.max_pixels // min(wide, high) // unit, 196) * unit
        return min(wide, longest), min(high, longest)

    def tokens(self, width: int, height: int) -> int:
        """Visual tokens of a picture of that size once fitted."""
        wide, high = self.fit(width, height)
        return wide * high // self.unit**2

    def share(self, count: int, max_tokens: int) -> PixelBudget:
        """The budget of one of `count` pictures that may cost `max_tokens` together."""
        allowed = max(max_tokens // max(count, 1), 1) * self.unit**2
        most = max(min(self.max_pixels, allowed), self.min_pixels)
        return PixelBudget(self.unit, self.min_pixels, most)


def digest_of(*frames: Image) -> str:
    """What names the pixels of a picture, or of frames that are looked at together.

    SHA-256, for which most processors have instructions.
    """
    pixels = sha256(usedforsecurity=False)
    for frame in frames:
        pixels.update(repr((len(frames), frame.mode, frame.size)).encode())
        pixels.update(frame.tobytes())
    return pixels.hexdigest()
