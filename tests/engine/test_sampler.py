"""Sampling: greedy, each filter, and rows that do not depend on the rest of their batch."""

from dataclasses import replace

import pytest
import torch
from transformers import RepetitionPenaltyLogitsProcessor, TopKLogitsWarper, TopPLogitsWarper

from webui.engine.execution.sampler import Sampler
from webui.protocol import SAMPLING_RANGES, SamplingParams

GREEDY = SamplingParams(temperature=0, repetition_penalty=1.0)


@pytest.fixture
def sampler():
    return Sampler(rows=4, vocabulary=50, device="cpu")


def sample(sampler: Sampler, logits, rows) -> list[int | None]:
    return [output.token_id for output in sampler.sample(logits, rows)]


def distinct_draws(sampler: Sampler, params: SamplingParams, logits, count: int = 300) -> set[int]:
    row = sampler.add_row(params, [])
    return {sample(sampler, logits, [row])[0] for _ in range(count)}


def test_temperature_zero_takes_the_largest_logit(sampler):
    logits = torch.randn(4, 50)
    assert sample(sampler, logits, [sampler.add_row(GREEDY, [])] * 4) == logits.argmax(-1).tolist()


def test_a_seeded_row_draws_the_same_tokens_in_any_batch(sampler):
    seeded = SamplingParams(temperature=1.0, top_p=0.9, top_k=20, repetition_penalty=1.2, seed=7)
    steps = torch.randn(30, 50)
    alone, shared = sampler.add_row(seeded, []), sampler.add_row(seeded, [])
    other = sampler.add_row(SamplingParams(temperature=2.0, top_k=0, top_p=1.0, seed=1), [])
    texts = [
        [
            sample(sampler, step[None], [alone])[0],
            sample(sampler, torch.stack([step * 2, step]), [other, shared])[1],
        ]
        for step in steps
    ]
    assert [text[0] for text in texts] == [text[1] for text in texts]


def test_only_tokens_that_pass_both_filters_are_drawn(sampler):
    logits = torch.randn(1, 50)
    params = SamplingParams(temperature=1.0, top_k=10, top_p=0.7, repetition_penalty=1.0, seed=3)
    kept = TopPLogitsWarper(0.7)(None, TopKLogitsWarper(10)(None, logits))
    allowed = set(kept[0].isfinite().nonzero().flatten().tolist())
    assert distinct_draws(sampler, params, logits) == allowed


def test_without_filters_the_whole_vocabulary_is_drawn(sampler):
    params = SamplingParams(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0, seed=3)
    assert len(distinct_draws(sampler, params, torch.zeros(1, 50), 2000)) == 50


def test_draws_follow_the_probabilities(sampler):
    params = SamplingParams(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0, seed=5)
    logits = torch.full((1, 50), -20.0)
    logits[0, :2] = torch.tensor([0.75, 0.25]).log()
    row = sampler.add_row(params, [])
    firsts = sum(sample(sampler, logits, [row])[0] == 0 for _ in range(2000))
    assert 1400 < firsts < 1600


def test_the_repetition_penalty_is_that_of_generate(sampler):
    logits = torch.randn(1, 50)
    params = SamplingParams(temperature=0, repetition_penalty=5.0)
    prompt = [int(logits.argmax()), 3]
    expected = RepetitionPenaltyLogitsProcessor(5.0)(torch.tensor([prompt]), logits).argmax()
    assert sample(sampler, logits, [sampler.add_row(params, prompt)]) == [int(expected)]


def test_sampled_tokens_are_penalised_too(sampler):
    logits = torch.zeros(1, 50)
    logits[0, 4] = 1.0
    logits[0, 9] = 0.9
    row = sampler.add_row(SamplingParams(temperature=0, repetition_penalty=2.0), [])
    assert [sample(sampler, logits, [row])[0] for _ in range(2)] == [4, 9]


def test_a_reused_row_starts_without_penalties(sampler):
    logits = torch.zeros(1, 50)
    logits[0, 4], logits[0, 9] = 1.0, 0.9
    params = SamplingParams(temperature=0, repetition_penalty=2.0)
    for _ in range(9):
        row = sampler.add_row(params, [])
        assert sample(sampler, logits, [row]) == [4]
        sampler.remove_row(row)


def test_rows_with_and_without_a_penalty_share_a_batch(sampler):
    logits = torch.zeros(2, 50)
    logits[:, 4], logits[:, 9] = 1.0, 0.9
    rows = [
        sampler.add_row(GREEDY, [4]),
        sampler.add_row(SamplingParams(temperature=0, repetition_penalty=2.0), [4]),
    ]
    assert sample(sampler, logits, rows) == [4, 9]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("temperature", [0, 0.7, 2])
def test_a_row_of_logits_that_are_not_finite_gets_no_token_and_changes_no_other(bad, temperature):
    params = SamplingParams(
        temperature=temperature, top_k=20, top_p=0.9, repetition_penalty=1.2, seed=5
    )
    steps = torch.randn(6, 3, 50)
    sampler = Sampler(6, 50, "cpu")
    undisturbed, disturbed = ([sampler.add_row(params, [1]) for _ in range(3)] for _ in range(2))
    expected = [sample(sampler, step, undisturbed) for step in steps]
    steps[2:, 1] = bad
    sampled = [sample(sampler, step, disturbed) for step in steps]
    assert [row[1] for row in sampled[2:]] == [None] * 4
    assert [(row[0], row[2]) for row in sampled] == [(row[0], row[2]) for row in expected]


def test_one_nan_is_enough_to_get_no_token(sampler):
    logits = torch.randn(2, 50)
    logits[0, 30] = float("nan")
    first, second = sample(
        sampler, logits, [sampler.add_row(SamplingParams(seed=1), []) for _ in range(2)]
    )
    assert first is None
    assert second is not None


@pytest.mark.parametrize("name", ["top_k", "temperature", "repetition_penalty", "top_p"])
def test_both_ends_of_every_range_draw_a_token(sampler, name):
    for value in (SAMPLING_RANGES[name].minimum, SAMPLING_RANGES[name].maximum):
        params = replace(SamplingParams(temperature=1e-39, top_k=0, seed=1), **{name: value})
        row = sampler.add_row(params, list(range(50)))
        assert sample(sampler, 1e36 * torch.randn(1, 50), [row])[0] in range(50)
        sampler.remove_row(row)


def test_a_repeated_pass_draws_the_same_tokens(sampler):
    params = SamplingParams(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.5, seed=3)
    steps = torch.randn(8, 1, 50)
    undisturbed, repeated = sampler.add_row(params, [7]), sampler.add_row(params, [7])
    expected = [sample(sampler, step, [undisturbed]) for step in steps]
    sampled = []
    for step in steps:
        with pytest.raises(ZeroDivisionError):
            sample(sampler, Unreadable(step), [repeated])
        sampled.append(sample(sampler, step, [repeated]))
    assert sampled == expected


class Unreadable(torch.Tensor):
    """A tensor that fails when it is copied to the host, where device errors appear."""

    def tolist(self):
        raise ZeroDivisionError
