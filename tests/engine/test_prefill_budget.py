"""Prefill keeps to its time budget while other requests decode, and takes full chunks otherwise."""

from webui.engine.serving.prefill_budget import (
    MAX_DECODE_STEPS,
    MIN_CHUNK_TOKENS,
    MIN_PREFILL_S,
    PrefillBudget,
)


def measured_budget(step_s: float, token_s: float, chunk_tokens: int = 1000) -> PrefillBudget:
    """Return a budget that has seen these times often."""
    budget = PrefillBudget(chunk_tokens)
    for _ in range(20):
        budget.record_decode(step_s)
        budget.record_prefill(100, 100 * token_s)
    return budget


def test_without_decoding_requests_a_chunk_is_whole():
    budget = measured_budget(0.01, 0.01)
    assert budget.next_chunk_tokens(0, 0.0, decoding=False) == 1000
    assert budget.next_chunk_tokens(400, 9.0, decoding=False) == 600


def test_beside_decoding_requests_a_chunk_takes_the_time_of_a_few_steps():
    budget = measured_budget(0.1, 0.01)
    assert budget.next_chunk_tokens(0, 0.0, decoding=True) in range(29, 31)
    spent_s = MAX_DECODE_STEPS * 0.1 + 0.01
    assert budget.next_chunk_tokens(10, spent_s, decoding=True) == 0


def test_a_slow_model_makes_progress():
    budget = measured_budget(0.001, 1.0)
    assert budget.next_chunk_tokens(0, 0.0, decoding=True) == MIN_CHUNK_TOKENS
    assert budget.next_chunk_tokens(MIN_CHUNK_TOKENS, MIN_PREFILL_S / 2, decoding=True) == 0


def test_the_chunk_size_bounds_the_prefill_of_a_step():
    budget = measured_budget(1.0, 0.0001)
    assert budget.next_chunk_tokens(1000, 0.0, decoding=True) == 0
    assert budget.next_chunk_tokens(0, 0.0, decoding=True) == 1000


def test_a_slow_chunk_shrinks_the_next_one():
    budget = measured_budget(0.1, 0.001)
    before = budget.next_chunk_tokens(0, 0.0, decoding=True)
    budget.record_prefill(100, 3.0)
    assert budget.next_chunk_tokens(0, 0.0, decoding=True) < before / 2
