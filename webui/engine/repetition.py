"""Finds out that a text goes round in a circle. Pure: token ids in, a verdict out."""

from __future__ import annotations

from collections.abc import Sequence

# What is shorter or rarer may be meant: a table's rule, a matrix of zeros, a refrain.
LEAST_TURNS = 6
LEAST_TOKENS = 384
# A new period is looked for where these many tokens were last seen; only so far back, which bounds the memory.
GRAM = 8
MOST_REMEMBERED = 2048


class Repetition:
    """Watches one row for a period that repeats exactly.

    A token is compared with the one a period earlier. While they agree, the run grows; when they differ, the next
    period to try is the distance to where the last GRAM tokens stood before: a constant amount of work a token.
    """

    def __init__(self) -> None:
        self.period = 0
        self.run = 0
        self._older: dict[int, int] = {}
        self._newer: dict[int, int] = {}

    def endless(self, tokens: Sequence[int], factor: int = 1) -> bool:
        """Call it once a token with the text so far; `factor` makes it that much more patient."""
        self._follow(tokens)
        return bool(self.period) and self.run >= factor * max(
            LEAST_TOKENS, LEAST_TURNS * self.period
        )

    def _follow(self, tokens: Sequence[int]) -> None:
        last = len(tokens) - 1
        if self.period and tokens[last] == tokens[last - self.period]:
            self.run += 1
        else:
            self.period = self.run = 0
        if last + 1 < GRAM:
            return
        gram = hash(tuple(tokens[-GRAM:]))
        before = self._newer.get(gram, self._older.get(gram))
        if not self.period and before is not None:
            self.period, self.run = last - before, GRAM
        self._newer[gram] = last
        if len(self._newer) >= MOST_REMEMBERED:
            self._older, self._newer = self._newer, {}
