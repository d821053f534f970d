"""PrefillBudget: how many tokens to prefill between two decode steps, from measured times.

Prefill is chunked, as in SARATHI and vLLM, so that a long prompt does not freeze the answers that
are being decoded. The size of a chunk follows the speed of the machine instead of a setting.
"""

from __future__ import annotations

# While other requests decode, prefill takes at most as long as this many decode steps, and never
# less than MIN_PREFILL_S, so that prompts make progress where a decode step is very short.
MAX_DECODE_STEPS = 3.0
MIN_PREFILL_S = 0.02
MIN_CHUNK_TOKENS = 16
# Weight of a new measurement. At one half, the first chunks set the size, and a slow page shrinks
# the next chunk at once.
SMOOTHING = 0.5


class PrefillBudget:
    """Sizes chunks of prefill. `chunk_tokens` bounds the prefill of one step in any case."""

    def __init__(self, chunk_tokens: int) -> None:
        self._chunk_tokens = chunk_tokens
        self._decode_step_s = 0.0
        self._prefill_token_s = 0.0

    def record_decode(self, seconds: float) -> None:
        """Take the time of one decode step into account."""
        self._decode_step_s = _smoothed(self._decode_step_s, seconds)

    def record_prefill(self, tokens: int, seconds: float) -> None:
        """Take the time of one chunk of prefill into account."""
        self._prefill_token_s = _smoothed(self._prefill_token_s, seconds / max(tokens, 1))

    def next_chunk_tokens(self, prefilled: int, spent_s: float, *, decoding: bool) -> int:
        """Return the size of the next chunk, or 0 to end the prefill of this step.

        `prefilled` tokens and `spent_s` seconds of this step are used up already. `decoding`:
        requests wait for their decode step meanwhile.
        """
        remaining_tokens = self._chunk_tokens - prefilled
        if not decoding:
            return max(remaining_tokens, 0)
        remaining_s = max(MIN_PREFILL_S, MAX_DECODE_STEPS * self._decode_step_s) - spent_s
        if remaining_tokens <= 0 or remaining_s <= 0:
            return 0
        # Before the first measurement there is nothing to divide by: measure a whole chunk.
        affordable = self._chunk_tokens
        if self._prefill_token_s:
            affordable = int(remaining_s / self._prefill_token_s)
        if affordable < MIN_CHUNK_TOKENS and prefilled:
            return 0
        return min(remaining_tokens, max(affordable, MIN_CHUNK_TOKENS))


def _smoothed(average: float, measured: float) -> float:
    return average + (measured - average) * SMOOTHING if average else measured
