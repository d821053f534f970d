"""Sequences: what a sampled token does to them."""

from types import SimpleNamespace

from webui.engine.repetition import LEAST_TOKENS
from webui.engine.sequence import ANSWER_PATIENCE, ControlIds, Sequence
from webui.protocol import SamplingParams

CONTROL = ControlIds(end=frozenset({0}), think=1, end_think=2, direct=(1, 2, 3), close=(2, 3))


def sequence(name: str = "a", limit: int = 10, **sampling) -> Sequence:
    prompt = SimpleNamespace(ids=[5, 6, 7])
    return Sequence(name, prompt, SamplingParams(**sampling), CONTROL, limit)


def take_all(one: Sequence, sampled: list[int]) -> list[int]:
    return [one.take(token)[0] for token in sampled]


def test_an_end_token_ends_with_stop_and_the_limit_with_length():
    assert sequence().take(0) == (0, "stop")
    assert sequence(limit=1).take(9) == (9, "length")
    assert sequence().take(9) == (9, None)


def test_reasoning_tokens_are_those_between_the_tags():
    one = sequence()
    take_all(one, [1, 8, 8, 8, 2, 9, 9])
    assert one.usage.reasoning_tokens == 3
    assert one.usage.completion_tokens == 7


def test_at_the_budget_the_closing_ids_are_forced_into_the_row():
    one = sequence(thinking_token_budget=2)
    assert take_all(one, [1, 8, 8, 8, 8, 9]) == [1, 8, 8, 2, 3, 9]
    assert not one.thinking
    assert one.usage.reasoning_tokens == 2


def test_a_budget_of_zero_answers_directly():
    one = sequence(thinking_token_budget=0)
    assert take_all(one, [8, 8, 8, 9]) == [1, 2, 3, 9]
    assert one.usage.reasoning_tokens == 0


def test_answer_now_cuts_a_thought_that_runs():
    one = sequence()
    take_all(one, [1, 8])
    one.answer_now()
    one.answer_now()
    assert take_all(one, [8, 8, 9]) == [2, 3, 9]
    assert one.usage.thought_cut == "requested"


def test_answer_now_before_the_first_token_leaves_the_thought_out():
    one = sequence()
    one.answer_now()
    assert take_all(one, [8, 8, 8, 9]) == [1, 2, 3, 9]


def test_answer_now_changes_no_answer_that_has_begun():
    one = sequence()
    take_all(one, [1, 8, 2, 3, 9])
    one.answer_now()
    assert one.take(9) == (9, None)
    assert one.usage.thought_cut == ""


def test_length_counts_what_is_in_the_slot():
    one = sequence()
    one.prefilled = 3
    assert one.length == 3
    take_all(one, [8, 8])
    assert one.length == 4


def test_a_thought_that_goes_in_circles_is_cut():
    one = sequence(limit=10_000)
    take_all(one, [1, *[8, 9, 7] * LEAST_TOKENS])
    assert one.usage.thought_cut == "repetition"
    assert one.output[-1] != 3
    assert not one.thinking


def test_an_answer_that_goes_in_circles_ends_with_length():
    one = sequence(limit=10_000)
    reasons = [one.take(8)[1] for _ in range(ANSWER_PATIENCE * LEAST_TOKENS + 20)]
    assert reasons.index("length") in range(
        ANSWER_PATIENCE * LEAST_TOKENS - 1, ANSWER_PATIENCE * LEAST_TOKENS + 10
    )
