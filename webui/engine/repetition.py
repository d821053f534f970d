"""Detect that a token stream repeats itself without end. Pure: token ids in, a verdict out."""

from __future__ import annotations

from collections.abc import Sequence

# Shorter or rarer repetition may be intended: a horizontal rule, a matrix of zeros, a refrain.
MIN_REPEATS = 6
MIN_TOKENS = 384
# A new period is looked for where this many tokens occurred last.
NGRAM = 8
# How many n-grams are remembered, which bounds the memory and the longest period.
MAX_REMEMBERED = 2048


class RepetitionDetector:
    """Follows one row and finds a period that repeats exactly, in constant time for each token.

    Each token is compared with the one a period earlier. While they agree, the run grows. When
    they differ, the next candidate is the distance to the last place at which the newest NGRAM
    tokens occurred. A period longer than the remembered n-grams is never found.
    """

    def __init__(self) -> None:
        self.period = 0
        self.run = 0
        # Last positions of n-grams in two generations, the older of which is dropped at a time.
        self._older: dict[int, int] = {}
        self._newer: dict[int, int] = {}

    def is_endless(self, tokens: Sequence[int], patience: int = 1) -> bool:
        """Take the newest token into account and return whether the repetition has gone too far.

        Called once for each token, with all tokens so far. The run must be `patience` times as
        long as usual.
        """
        self._follow_newest(tokens)
        min_run = patience * max(MIN_TOKENS, MIN_REPEATS * self.period)
        return bool(self.period) and self.run >= min_run

    def _follow_newest(self, tokens: Sequence[int]) -> None:
        last = len(tokens) - 1
        if self.period and tokens[last] == tokens[last - self.period]:
            self.run += 1
        else:
            self.period = self.run = 0
        if last + 1 < NGRAM:
            return
        ngram = hash(tuple(tokens[-NGRAM:]))
        previous = self._newer.get(ngram, self._older.get(ngram))
        if not self.period and previous is not None:
            self.period, self.run = last - previous, NGRAM
        self._newer[ngram] = last
        if len(self._newer) >= MAX_REMEMBERED:
            self._older, self._newer = self._newer, {}
