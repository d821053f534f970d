"""The random numbers of the recipe, and what is kept back from training so that a score is earned on new things."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")
KEPT_SHARE = 0.2


class Dice(Random):
    """A seeded random. `fresh` dice give what training never saw: other phrases, shades and fonts."""

    def __init__(self, seed: str, fresh: bool = False) -> None:
        super().__init__(seed)
        self.fresh = fresh

    def phrase(self, phrases: Sequence[Choice]) -> Choice:
        """The last fifth of several is kept back; one alone is everybody's."""
        kept = max(round(len(phrases) * KEPT_SHARE), 1) if len(phrases) > 1 else 0
        split = len(phrases) - kept
        return self.choice(phrases[split:] if self.fresh and kept else phrases[:split])

    def share(self) -> float:
        """From 0 to 1; a band in the middle is kept back."""
        low, high = 0.5 - KEPT_SHARE / 2, 0.5 + KEPT_SHARE / 2
        if self.fresh:
            return self.uniform(low, high)
        value = self.uniform(0, 1 - (high - low))
        return value if value < low else value + high - low

    def chance(self, share: float) -> bool:
        return self.random() < share
