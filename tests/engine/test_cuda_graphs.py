"""Decode steps in padded, fixed shapes give the same tokens as steps in exact shapes."""

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


def start_sequences(runner: ModelRunner, count: int) -> list[Sequence]:
    """Return prefilled sequences of different lengths; every other sequence has an image."""
    sequences = []
    for number in range(count):
        parts = ((picture("red", (56, 56)),) if number % 2 else ()) + ("a" * (5 + 7 * number),)
        prompt = runner.build_prompt((Message("user", parts),))
        sequences.append(Sequence(str(number), prompt, GREEDY, runner.control, 100))
        assert runner.acquire_slot(sequences[-1])
        while (result := runner.prefill(sequences[-1:], 64)[0]).sampled is None:
            pass
        sequences[-1].append_token(result.sampled.token_id)
    return sequences


def decode_steps(runner: ModelRunner, count: int, steps: int = 12) -> list[list[int]]:
    sequences = start_sequences(runner, count)
    for _ in range(steps):
        for sequence, output in zip(sequences, runner.decode(sequences), strict=True):
            sequence.append_token(output.token_id)
    for sequence in sequences:
        runner.release_slot(sequence)
    return [sequence.output_ids for sequence in sequences]


def make_runner(nano, device: str = "cpu") -> ModelRunner:
    return ModelRunner(
        tiny_model(nano.runner.model).to(device), nano.runner.processor, CachePlan(6, 512)
    )


@pytest.mark.parametrize("count", [1, 3, 5, 6])
def test_padding_changes_no_token(nano, count):
    fixed = make_runner(nano)
    fixed.decode_graphs = DecodeGraphs(fixed.decode_logits, fixed.cache, None)
    assert decode_steps(fixed, count) == decode_steps(make_runner(nano), count)


def test_padding_rows_leave_idle_slots_unchanged(nano):
    runner = make_runner(nano)
    runner.decode_graphs = DecodeGraphs(runner.decode_logits, runner.cache, None)
    decode_steps(runner, 6, 1)
    # The last position is the sequence that padding rows write to.
    before = [layer[..., :-1, :].clone() for layer in runner.cache.layers]
    inputs = torch.tensor([[1] * 3, [5] * 3, [5] * 3])
    with torch.inference_mode():
        runner.decode_graphs.run(inputs, 5)
    changed = set()
    for layer, layer_before in zip(runner.cache.layers, before, strict=True):
        for _, row, _, position, _ in (layer[..., :-1, :] != layer_before).nonzero().tolist():
            changed.add((row, position))
    assert changed <= {(row, 5) for row in range(3)}


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
    runner, recorder = make_runner(nano), FailingRecorder(failures, NOT_CAPTURABLE)
    runner.decode_graphs = DecodeGraphs(runner.decode_logits, runner.cache, recorder)
    assert decode_steps(runner, 3) == decode_steps(make_runner(nano), 3)
    assert decode_steps(runner, 1) == decode_steps(make_runner(nano), 1)
    named = caplog.text.count("operation not permitted when stream is capturing (in ")
    assert (recorder.attempts, named) == (attempts, warnings)


@pytest.mark.parametrize(
    ("failures", "attempts", "freed"), [(1, 3, 1), (2, 3, 2), (3, 4, 3), (9, 4, 4)]
)
def test_a_capture_without_memory_frees_some_and_others_are_still_captured(
    nano, failures, attempts, freed
):
    """Two shapes are captured, each in at most two attempts: a lack of memory ends neither."""
    runner, calls = make_runner(nano), []
    recorder = FailingRecorder(failures, torch.OutOfMemoryError("CUDA out of memory"))
    runner.decode_graphs = DecodeGraphs(
        runner.decode_logits, runner.cache, recorder, lambda: calls.append(True)
    )
    assert decode_steps(runner, 3) == decode_steps(make_runner(nano), 3)
    assert decode_steps(runner, 1) == decode_steps(make_runner(nano), 1)
    assert (recorder.attempts, len(calls)) == (attempts, freed)


@pytest.mark.gpu
@pytest.mark.parametrize("count", [1, 3, 6])
def test_a_captured_step_gives_the_tokens_of_the_plain_step(nano, count):
    plain = make_runner(nano, "cuda")
    plain.decode_graphs = None
    assert decode_steps(make_runner(nano, "cuda"), count) == decode_steps(plain, count)


@pytest.mark.gpu
def test_a_captured_step_gives_the_logits_of_the_plain_step(nano):
    runner = make_runner(nano, "cuda")
    sequences = start_sequences(runner, 3)
    inputs = [
        [sequence.output_ids[-1] for sequence in sequences],
        [sequence.prompt.rope_offset + sequence.length for sequence in sequences],
    ]
    lengths = [sequence.length for sequence in sequences]
    with torch.inference_mode():
        plain = runner.decode_logits(
            torch.tensor(inputs, device="cuda"),
            DecodeAttention.from_lengths(runner.cache, lengths),
        )
        recorded = runner.decode_graphs.run(
            torch.tensor([*inputs, lengths], device="cuda"), max(lengths)
        )
    torch.testing.assert_close(recorded, plain, rtol=1e-3, atol=1e-3)
