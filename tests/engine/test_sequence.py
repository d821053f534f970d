"""How sequences change with each sampled token."""

from types import SimpleNamespace

from webui.engine.repetition import MIN_TOKENS
from webui.engine.sequence import ANSWER_PATIENCE, ControlIds, Sequence
from webui.protocol import SamplingParams

CONTROL = ControlIds(
    end=frozenset({0}), think=1, end_think=2, empty_thought=(1, 2, 3), close_thought=(2, 3)
)


def new_sequence(max_new_tokens: int = 10, **sampling) -> Sequence:
    prompt = SimpleNamespace(ids=[5, 6, 7])
    return Sequence("a", prompt, SamplingParams(**sampling), CONTROL, max_new_tokens)


def append_all(sequence: Sequence, sampled: list[int]) -> list[int]:
    return [sequence.append_token(token)[0] for token in sampled]


def test_an_end_token_ends_with_stop_and_max_new_tokens_with_length():
    assert new_sequence().append_token(0) == (0, "stop")
    assert new_sequence(max_new_tokens=1).append_token(9) == (9, "length")
    assert new_sequence().append_token(9) == (9, None)


def test_reasoning_tokens_are_those_between_the_tags():
    sequence = new_sequence()
    append_all(sequence, [1, 8, 8, 8, 2, 9, 9])
    assert sequence.usage.reasoning_tokens == 3
    assert sequence.usage.completion_tokens == 7


def test_at_the_budget_the_thought_is_closed_by_forced_ids():
    sequence = new_sequence(thinking_token_budget=2)
    assert append_all(sequence, [1, 8, 8, 8, 8, 9]) == [1, 8, 8, 2, 3, 9]
    assert not sequence.thinking
    assert sequence.usage.reasoning_tokens == 2


def test_a_budget_of_zero_forces_an_empty_thought():
    sequence = new_sequence(thinking_token_budget=0)
    assert append_all(sequence, [8, 8, 8, 9]) == [1, 2, 3, 9]
    assert sequence.usage.reasoning_tokens == 0


def test_answer_now_ends_a_running_thought():
    sequence = new_sequence()
    append_all(sequence, [1, 8])
    sequence.answer_now()
    sequence.answer_now()
    assert append_all(sequence, [8, 8, 9]) == [2, 3, 9]
    assert sequence.usage.thought_cut == "requested"


def test_answer_now_before_the_first_token_skips_the_thought():
    sequence = new_sequence()
    sequence.answer_now()
    assert append_all(sequence, [8, 8, 8, 9]) == [1, 2, 3, 9]


def test_answer_now_leaves_an_answer_alone():
    sequence = new_sequence()
    append_all(sequence, [1, 8, 2, 3, 9])
    sequence.answer_now()
    assert sequence.append_token(9) == (9, None)
    assert sequence.usage.thought_cut == ""


def test_length_counts_the_tokens_in_the_slot():
    sequence = new_sequence()
    sequence.prefilled = 3
    assert sequence.length == 3
    append_all(sequence, [8, 8])
    assert sequence.length == 4


def test_a_thought_that_repeats_itself_is_cut():
    sequence = new_sequence(max_new_tokens=10_000)
    append_all(sequence, [1, *[8, 9, 7] * MIN_TOKENS])
    assert sequence.usage.thought_cut == "repetition"
    assert sequence.output_ids[-1] != 3
    assert not sequence.thinking


def test_an_answer_that_repeats_itself_ends_with_length():
    sequence = new_sequence(max_new_tokens=10_000)
    reasons = [sequence.append_token(8)[1] for _ in range(ANSWER_PATIENCE * MIN_TOKENS + 20)]
    assert reasons.index("length") in range(
        ANSWER_PATIENCE * MIN_TOKENS - 1, ANSWER_PATIENCE * MIN_TOKENS + 10
    )
