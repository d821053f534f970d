"""Decode steps of fixed shapes give what steps of the very shape give."""

import pytest
import torch
from pictures import picture
from tiny import tiny_model

from webui.engine.execution.attention import DecodeAttention
from webui.engine.execution.cuda_graphs import DecodeGraphs
from webui.engine.execution.kv_cache import CachePlan
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.sequence import Sequence
from webui.protocol import Message, SamplingParams

GREEDY = SamplingParams(temperature=0, repetition_penalty=1.0)


def running(runner: ModelRunner, count: int) -> list[Sequence]:
    """So many sequences whose prompts are read, each of another length, some with a picture."""
    sequences = []
    for number in range(count):
        parts = ((picture("red", (56, 56)),) if number % 2 else ()) + ("a" * (5 + 7 * number),)
        prompt = runner.build_prompt((Message("user", parts),))
        sequences.append(Sequence(str(number), prompt, GREEDY, runner.control, 100))
        assert runner.acquire_slot(sequences[-1])
        while (piece := runner.prefill(sequences[-1:], 64)[0]).sampled is None:
            pass
        sequences[-1].append_token(piece.sampled.token_id)
    return sequences


def write(runner: ModelRunner, count: int, steps: int = 12) -> list[list[int]]:
    sequences = running(runner, count)
    for _ in range(steps):
        for sequence, output in zip(sequences, runner.decode(sequences), strict=True):
            sequence.append_token(output.token_id)
    for sequence in sequences:
        runner.release_slot(sequence)
    return [sequence.output_ids for sequence in sequences]


def make(nano, device: str = "cpu") -> ModelRunner:
    return ModelRunner(
        tiny_model(nano.runner.model).to(device), nano.runner.processor, CachePlan(6, 512)
    )


@pytest.mark.parametrize("count", [1, 3, 5, 6])
def test_padded_rows_and_positions_change_nothing(nano, count):
    fixed = make(nano)
    fixed.decode_graphs = DecodeGraphs(fixed.decode_logits, fixed.cache, None)
    assert write(fixed, count) == write(make(nano), count)


def test_a_row_too_many_spares_what_an_idle_slot_keeps(nano):
    runner = make(nano)
    runner.decode_graphs = DecodeGraphs(runner.decode_logits, runner.cache, None)
    write(runner, 6, 1)
    kept = [layer[..., :-1, :].clone() for layer in runner.cache.layers]
    numbers = torch.tensor([[1] * 3, [5] * 3, [5] * 3])
    with torch.inference_mode():
        runner.decode_graphs.run(numbers, 5)
    changed = [
        (layer[..., :-1, :] != before).nonzero()
        for layer, before in zip(runner.cache.layers, kept, strict=True)
    ]
    assert {(row, position) for found in changed for _, row, _, position, _ in found.tolist()} <= {
        (row, 5) for row in range(3)
    }


class FailingRecorder:
    """Records by running the work again, after a number of failures with the same error."""

    def __init__(self, failures, error):
        self.failures, self.error, self.attempts = failures, error, 0

    def record(self, work):
        self.attempts += 1
        if self.attempts <= self.failures:
            raise self.error
        output = work().clone()
        return lambda: output.copy_(work()), output


NOT_CAPTURABLE = RuntimeError(
    "operation not permitted when stream is capturing\nCUDA kernel errors might be ..."
)


@pytest.mark.parametrize(
    ("failures", "attempts", "warnings"), [(0, 2, 0), (1, 3, 1), (2, 2, 2), (9, 2, 2)]
)
def test_a_failed_capture_is_repeated_once_and_named(nano, caplog, failures, attempts, warnings):
    runner, recorder = make(nano), FailingRecorder(failures, NOT_CAPTURABLE)
    runner.decode_graphs = DecodeGraphs(runner.decode_logits, runner.cache, recorder)
    assert write(runner, 3) == write(make(nano), 3)
    assert write(runner, 1) == write(make(nano), 1)
    named = caplog.text.count("operation not permitted when stream is capturing (in ")
    assert (recorder.attempts, named) == (attempts, warnings)


@pytest.mark.parametrize(
    ("failures", "attempts", "freed"), [(1, 3, 1), (2, 3, 2), (3, 4, 3), (9, 4, 4)]
)
def test_a_capture_without_memory_frees_some_and_others_are_still_captured(
    nano, failures, attempts, freed
):
    """Two shapes are captured, each in at most two attempts: a lack of memory ends neither."""
    runner, calls = make(nano), []
    recorder = FailingRecorder(failures, torch.OutOfMemoryError("CUDA out of memory"))
    runner.decode_graphs = DecodeGraphs(
        runner.decode_logits, runner.cache, recorder, lambda: calls.append(True)
    )
    assert write(runner, 3) == write(make(nano), 3)
    assert write(runner, 1) == write(make(nano), 1)
    assert (recorder.attempts, len(calls)) == (attempts, freed)


@pytest.mark.gpu
@pytest.mark.parametrize("count", [1, 3, 6])
def test_a_recorded_step_is_the_plain_step(nano, count):
    plain = make(nano, "cuda")
    plain.decode_graphs = None
    assert write(make(nano, "cuda"), count) == write(plain, count)


@pytest.mark.gpu
def test_a_recorded_step_gives_the_logits_of_the_plain_one(nano):
    runner = make(nano, "cuda")
    sequences = running(runner, 3)
    numbers = [
        [one.output_ids[-1] for one in sequences],
        [one.prompt.rope_offset + one.length for one in sequences],
    ]
    lengths = [one.length for one in sequences]
    with torch.inference_mode():
        plain = runner.decode_logits(
            torch.tensor(numbers, device="cuda"),
            DecodeAttention.from_lengths(runner.cache, lengths),
        )
        recorded = runner.decode_graphs.run(
            torch.tensor([*numbers, lengths], device="cuda"), max(lengths)
        )
    torch.testing.assert_close(recorded, plain, rtol=1e-3, atol=1e-3)
