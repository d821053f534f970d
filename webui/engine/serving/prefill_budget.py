"""How much may be read between two steps of those who write: sizes from measured times. Knows no clock and no model."""

from __future__ import annotations

# While others write, reading takes at most this many of their steps' time, and never less than LEAST_S, in which a
# prompt gets on even where a step is very short.
STEPS = 3.0
LEAST_S = 0.02
LEAST_TOKENS = 16
# Half of each new measurement: the first chunks set the size, and one slow page shrinks the next chunk at once.
WEIGHT = 0.5


class PrefillBudget:
    """Sizes the pieces of prefill; `chunk_tokens` bounds what is read in one step, alone or not."""

    def __init__(self, chunk_tokens: int) -> None:
        self._chunk_tokens = chunk_tokens
        self._step_s = 0.0
        self._token_s = 0.0

    def wrote(self, seconds: float) -> None:
        """A decode step took that long."""
        self._step_s = _blend(self._step_s, seconds)

    def read(self, tokens: int, seconds: float) -> None:
        """A piece of prefill of that many tokens took that long."""
        self._token_s = _blend(self._token_s, seconds / max(tokens, 1))

    def tokens(self, read: int, spent_s: float, *, writing: bool) -> int:
        """How large the next piece may be, after `read` tokens and `spent_s` in this step; 0 ends the reading."""
        left = self._chunk_tokens - read
        if not writing:
            return max(left, 0)
        left_s = max(LEAST_S, STEPS * self._step_s) - spent_s
        if left <= 0 or left_s <= 0:
            return 0
        fitting = int(left_s / self._token_s) if self._token_s else self._chunk_tokens
        if fitting < LEAST_TOKENS and read:
            return 0
        return min(left, max(fitting, LEAST_TOKENS))


def _blend(before: float, measured: float) -> float:
    return before + (measured - before) * WEIGHT if before else measured
