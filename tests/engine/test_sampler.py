"""Sampling: greedy, each filter, and that a row's text does not depend on its neighbours."""

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


def draws(sampler: Sampler, params: SamplingParams, logits, count: int = 300) -> set[int]:
    one = sampler.add_row(params, [])
    return {sample(sampler, logits, [one])[0] for _ in range(count)}


def test_temperature_zero_takes_the_largest(sampler):
    logits = torch.randn(4, 50)
    assert sample(sampler, logits, [sampler.add_row(GREEDY, [])] * 4) == logits.argmax(-1).tolist()


def test_a_seeded_row_writes_the_same_whoever_shares_the_batch(sampler):
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
    assert draws(sampler, params, logits) == allowed


def test_filters_off_draw_from_the_whole_vocabulary(sampler):
    params = SamplingParams(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0, seed=3)
    assert len(draws(sampler, params, torch.zeros(1, 50), 2000)) == 50


def test_draws_follow_the_probabilities(sampler):
    params = SamplingParams(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0, seed=5)
    logits = torch.full((1, 50), -20.0)
    logits[0, :2] = torch.tensor([0.75, 0.25]).log()
    one = sampler.add_row(params, [])
    firsts = sum(sample(sampler, logits, [one])[0] == 0 for _ in range(2000))
    assert 1400 < firsts < 1600


def test_the_repetition_penalty_is_that_of_generate(sampler):
    logits = torch.randn(1, 50)
    params = SamplingParams(temperature=0, repetition_penalty=5.0)
    prompt = [int(logits.argmax()), 3]
    expected = RepetitionPenaltyLogitsProcessor(5.0)(torch.tensor([prompt]), logits).argmax()
    assert sample(sampler, logits, [sampler.add_row(params, prompt)]) == [int(expected)]


def test_written_tokens_are_penalised_too(sampler):
    logits = torch.zeros(1, 50)
    logits[0, 4] = 1.0
    logits[0, 9] = 0.9
    one = sampler.add_row(SamplingParams(temperature=0, repetition_penalty=2.0), [])
    assert [sample(sampler, logits, [one])[0] for _ in range(2)] == [4, 9]


def test_a_place_is_empty_for_the_next_sequence(sampler):
    logits = torch.zeros(1, 50)
    logits[0, 4], logits[0, 9] = 1.0, 0.9
    params = SamplingParams(temperature=0, repetition_penalty=2.0)
    for _ in range(9):
        one = sampler.add_row(params, [])
        assert sample(sampler, logits, [one]) == [4]
        sampler.remove_row(one)


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
def test_a_row_that_is_not_finite_has_no_token_and_the_others_have_theirs(bad, temperature):
    params = SamplingParams(
        temperature=temperature, top_k=20, top_p=0.9, repetition_penalty=1.2, seed=5
    )
    steps = torch.randn(6, 3, 50)
    sampler = Sampler(6, 50, "cpu")
    calm, struck = ([sampler.add_row(params, [1]) for _ in range(3)] for _ in range(2))
    expected = [sample(sampler, step, calm) for step in steps]
    steps[2:, 1] = bad
    sampled = [sample(sampler, step, struck) for step in steps]
    assert [row[1] for row in sampled[2:]] == [None] * 4
    assert [(row[0], row[2]) for row in sampled] == [(row[0], row[2]) for row in expected]


def test_one_number_that_is_none_spoils_a_row(sampler):
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


def test_a_pass_that_failed_and_is_made_again_draws_the_same(sampler):
    params = SamplingParams(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.5, seed=3)
    steps = torch.randn(8, 1, 50)
    calm, shaken = sampler.add_row(params, [7]), sampler.add_row(params, [7])
    expected = [sample(sampler, step, [calm]) for step in steps]
    written = []
    for step in steps:
        with pytest.raises(ZeroDivisionError):
            sample(sampler, Unreadable(step), [shaken])
        written.append(sample(sampler, step, [shaken]))
    assert written == expected


class Unreadable(torch.Tensor):
    """Computes like any other tensor; on its way to the host it fails, as a device does."""

    def tolist(self):
        raise ZeroDivisionError
