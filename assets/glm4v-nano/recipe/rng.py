"""Random numbers of the recipe, and the part of each choice that is held out for evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")
HELD_OUT_FRACTION = 0.2


class Rng(Random):
    """A seeded generator that draws either from the training part of each choice or, with
    `held_out`, from the part that training never uses: other phrasings, shades and fonts.
    """

    def __init__(self, seed: str, held_out: bool = False) -> None:
        super().__init__(seed)
        self.held_out = held_out

    def choose_phrase(self, phrases: Sequence[Choice]) -> Choice:
        """Return one of `phrases`, the last fifth of which is held out.

        A single phrase is shared by training and evaluation.
        """
        held_out = max(round(len(phrases) * HELD_OUT_FRACTION), 1) if len(phrases) > 1 else 0
        split = len(phrases) - held_out
        return self.choice(phrases[split:] if self.held_out and held_out else phrases[:split])

    def sample_fraction(self) -> float:
        """Return a number from 0 to 1, of which a band in the middle is held out."""
        low, high = 0.5 - HELD_OUT_FRACTION / 2, 0.5 + HELD_OUT_FRACTION / 2
        if self.held_out:
            return self.uniform(low, high)
        value = self.uniform(0, 1 - (high - low))
        return value if value < low else value + high - low

    def chance(self, probability: float) -> bool:
        return self.random() < probability
