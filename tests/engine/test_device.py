"""Devices: a lack of memory, a lost device, and passes that stay on the device of their model."""

import pytest
import torch
from pictures import picture
from tiny import tiny_model

from webui.engine.execution.cuda_graphs import DecodeGraphs
from webui.engine.execution.device import Device
from webui.engine.execution.kv_cache import CachePlan
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.sequence import Sequence
from webui.errors import DeviceMemoryError
from webui.protocol import Message, SamplingParams

SAMPLED = SamplingParams(temperature=0.7, top_k=20, top_p=0.9, repetition_penalty=1.1, seed=1)


def test_more_memory_than_any_machine_has_is_a_lack_of_memory():
    with pytest.raises(DeviceMemoryError), Device("cpu"):
        torch.empty(2**50)


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="size"), Device("cpu"):
        torch.ones(2) + torch.ones(3)


def test_a_device_is_alive_if_it_computes():
    assert Device("cpu").is_alive()
    # "meta" computes shapes only, and refuses to tell the sum.
    assert not Device("meta").is_alive()


def test_a_cpu_keeps_no_cached_memory():
    assert Device("cpu").release_cached_memory() == 0


def write_tokens(runner: ModelRunner) -> list[int]:
    """Return the tokens of two sequences, one with an image, decoded together and one forced."""
    prompts = [
        runner.build_prompt((Message("user", (picture("red", (84, 56)), "What is it?")),)),
        runner.build_prompt((Message("user", ("a" * 40,)),)),
    ]
    sequences = [
        Sequence(str(number), prompt, SAMPLED, runner.control, 20)
        for number, prompt in enumerate(prompts)
    ]
    # Whatever does not name its device is allocated on the default one. Tensors of "meta" have no
    # data, so a pass that allocates one fails.
    with torch.device("meta"):
        for sequence in sequences:
            assert runner.acquire_slot(sequence)
            sampled = None
            while sampled is None:
                sampled = runner.prefill([sequence], 32)[0].sampled
            sequence.append_token(sampled.token_id)
        for _ in range(3):
            for sequence, output in zip(sequences, runner.decode(sequences), strict=True):
                sequence.append_token(output.token_id)
        sequences[0].answer_now()
        forced = runner.prefill_forced_ids(sequences[0]).token_id
        for sequence in sequences:
            runner.release_slot(sequence)
        runner.drop_caches()
    return [*sequences[0].output_ids, *sequences[1].output_ids, forced]


@pytest.mark.parametrize("fixed_shapes", [False, True])
def test_passes_allocate_on_the_device_of_their_model_only(nano, fixed_shapes):
    model = tiny_model(nano.runner.model)
    runner = ModelRunner(model, nano.runner.processor, CachePlan(2, 512))
    if fixed_shapes:
        runner.decode_graphs = DecodeGraphs(runner.decode_logits, runner.cache, None)
    assert len(write_tokens(runner)) == 9


def test_a_runner_allocates_on_the_device_of_its_model_only(nano):
    model = tiny_model(nano.runner.model)
    with torch.device("meta"):
        runner = ModelRunner(model, nano.runner.processor, CachePlan(2, 512))
    assert {layer.device.type for layer in runner.cache.layers} == {"cpu"}
    assert len(write_tokens(runner)) == 9


@pytest.mark.gpu
def test_a_gpu_without_memory_is_alive():
    device = Device("cuda")
    with pytest.raises(DeviceMemoryError), device:
        torch.empty(2**50, device="cuda")
    device.release_cached_memory()
    device.synchronize()
    assert device.is_alive()


@pytest.mark.gpu
def test_memory_that_the_allocator_keeps_is_returned_to_the_gpu():
    device = Device("cuda")
    torch.empty(64 * 1024**2, dtype=torch.uint8, device="cuda")
    assert device.release_cached_memory() >= 64 * 1024**2


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_the_second_gpu_is_the_only_one_in_use(nano):
    before = torch.cuda.memory_allocated(0)
    model = tiny_model(nano.runner.model).to("cuda:1")
    runner = ModelRunner(model, nano.runner.processor, CachePlan(2, 512))
    assert len(write_tokens(runner)) == 9
    assert torch.cuda.memory_allocated(0) == before
