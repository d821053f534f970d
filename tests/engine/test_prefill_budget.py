"""Prefill keeps to its time budget while other requests decode, and takes full chunks otherwise."""

from webui.engine.serving.prefill_budget import (
    MAX_DECODE_STEPS,
    MIN_CHUNK_TOKENS,
    MIN_PREFILL_S,
    PrefillBudget,
)


def paced(step_s: float, token_s: float, chunk: int = 1000) -> PrefillBudget:
    pace = PrefillBudget(chunk)
    for _ in range(20):
        pace.record_decode(step_s)
        pace.record_prefill(100, 100 * token_s)
    return pace


def test_alone_a_chunk_is_whole():
    assert paced(0.01, 0.01).next_chunk_tokens(0, 0.0, decoding=False) == 1000
    assert paced(0.01, 0.01).next_chunk_tokens(400, 9.0, decoding=False) == 600


def test_while_others_write_a_piece_fits_into_a_few_of_their_steps():
    assert paced(0.1, 0.01).next_chunk_tokens(0, 0.0, decoding=True) in range(29, 31)
    assert paced(0.1, 0.01).next_chunk_tokens(10, MAX_DECODE_STEPS * 0.1 + 0.01, decoding=True) == 0


def test_a_slow_model_still_gets_on():
    assert paced(0.001, 1.0).next_chunk_tokens(0, 0.0, decoding=True) == MIN_CHUNK_TOKENS
    assert (
        paced(0.001, 1.0).next_chunk_tokens(MIN_CHUNK_TOKENS, MIN_PREFILL_S / 2, decoding=True) == 0
    )


def test_the_reading_of_one_step_ends_at_the_chunk():
    assert paced(1.0, 0.0001).next_chunk_tokens(1000, 0.0, decoding=True) == 0
    assert paced(1.0, 0.0001).next_chunk_tokens(0, 0.0, decoding=True) == 1000


def test_a_slow_piece_shrinks_the_next():
    pace = paced(0.1, 0.001)
    before = pace.next_chunk_tokens(0, 0.0, decoding=True)
    pace.record_prefill(100, 3.0)
    assert pace.next_chunk_tokens(0, 0.0, decoding=True) < before / 2
