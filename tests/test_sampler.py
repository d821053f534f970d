"""Sampling: greedy, each filter, and that a row's text does not depend on its neighbours."""

import torch
from transformers import RepetitionPenaltyLogitsProcessor, TopKLogitsWarper, TopPLogitsWarper

from webui.engine.sampler import SamplerRow, sample
from webui.protocol import SamplingParams

GREEDY = SamplingParams(temperature=0, repetition_penalty=1.0)


def row(params: SamplingParams, prompt=()) -> SamplerRow:
    return SamplerRow(params, list(prompt), 50, "cpu")


def draws(params: SamplingParams, logits, count: int = 300) -> set[int]:
    one = row(params)
    return {sample(logits, [one])[0] for _ in range(count)}


def test_temperature_zero_takes_the_largest():
    logits = torch.randn(4, 50)
    assert sample(logits, [row(GREEDY)] * 4) == logits.argmax(-1).tolist()


def test_a_seeded_row_writes_the_same_whoever_shares_the_batch():
    seeded = SamplingParams(temperature=1.0, top_p=0.9, top_k=20, repetition_penalty=1.2, seed=7)
    steps = torch.randn(30, 50)
    alone, shared = row(seeded), row(seeded)
    other = row(SamplingParams(temperature=2.0, top_k=0, top_p=1.0, seed=1))
    texts = [
        [sample(step[None], [alone])[0], sample(torch.stack([step * 2, step]), [other, shared])[1]] for step in steps
    ]
    assert [text[0] for text in texts] == [text[1] for text in texts]


def test_only_tokens_that_pass_both_filters_are_drawn():
    logits = torch.randn(1, 50)
    params = SamplingParams(temperature=1.0, top_k=10, top_p=0.7, repetition_penalty=1.0, seed=3)
    kept = TopPLogitsWarper(0.7)(None, TopKLogitsWarper(10)(None, logits))
    allowed = set(kept[0].isfinite().nonzero().flatten().tolist())
    assert draws(params, logits) == allowed


def test_filters_off_draw_from_the_whole_vocabulary():
    params = SamplingParams(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0, seed=3)
    assert len(draws(params, torch.zeros(1, 50), 2000)) == 50


def test_draws_follow_the_probabilities():
    params = SamplingParams(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0, seed=5)
    logits = torch.full((1, 50), -20.0)
    logits[0, :2] = torch.tensor([0.75, 0.25]).log()
    one = row(params)
    firsts = sum(sample(logits, [one])[0] == 0 for _ in range(2000))
    assert 1400 < firsts < 1600


def test_the_repetition_penalty_is_that_of_generate():
    logits = torch.randn(1, 50)
    params = SamplingParams(temperature=0, repetition_penalty=5.0)
    prompt = [int(logits.argmax()), 3]
    expected = RepetitionPenaltyLogitsProcessor(5.0)(torch.tensor([prompt]), logits).argmax()
    assert sample(logits, [row(params, prompt)]) == [int(expected)]


def test_written_tokens_are_penalised_too():
    logits = torch.zeros(1, 50)
    logits[0, 4] = 1.0
    logits[0, 9] = 0.9
    one = row(SamplingParams(temperature=0, repetition_penalty=2.0))
    assert [sample(logits, [one])[0] for _ in range(2)] == [4, 9]
