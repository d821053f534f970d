"""The real runner runs out of memory where a GPU would: only a request that never fits ends."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest
import torch
from generation import GUARD_S
from pictures import picture
from tiny import tiny_model

from webui.engine.execution.attention import DecodeAttention
from webui.engine.execution.kv_cache import CachePlan
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.models.glm4v.family import Glm4vFamily
from webui.engine.sequence import Sequence
from webui.engine.serving.engine import LocalEngine
from webui.errors import DeviceMemoryError
from webui.protocol import GenerationRequest, Message, SamplingParams

GREEDY = SamplingParams(temperature=0, repetition_penalty=1.0, max_tokens=12)
LARGE = (224, 196)
CONVERSATIONS = {
    "ann": ("a" * 50,),
    "ben": (picture("red", (56, 56)), "Which colour?"),
    "bad": (picture("blue", LARGE), "Which colour?"),
    "cy": (picture("green", (84, 56)), "Which shape?"),
    "dora": ("b" * 30,),
}


@dataclass
class StarvedFamily:
    """Glm4vFamily whose passes lack memory where `fails(where, size)` holds, at most `times` times.

    `where` is "vision" with the patches of the largest image, "prefill" with the tokens of the
    pass, or "decode" with its rows.
    """

    fails: object
    times: int = 1_000_000
    failures: list = field(default_factory=list)

    def __getattr__(self, name):
        return getattr(Glm4vFamily(), name)

    def take_apart(self, model, processor, context_length):
        parts = Glm4vFamily().take_apart(model, processor, context_length)

        def encode_images(spans):
            patches = max(rows * columns for _, rows, columns in (span.grid for span in spans))
            self._allocate("vision", patches)
            return parts.encode_images(spans)

        def decode_text(hidden, positions, backend):
            where = "decode" if isinstance(backend, DecodeAttention) else "prefill"
            self._allocate(where, len(hidden))
            return parts.decoder(hidden, positions, backend)

        return replace(parts, encode_images=encode_images, decoder=decode_text)

    def _allocate(self, where, size):
        if len(self.failures) < self.times and self.fails(where, size):
            self.failures.append((where, size))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def make_runner(nano, family) -> ModelRunner:
    model = tiny_model(nano.runner.model)
    return ModelRunner(model, nano.runner.processor, CachePlan(6, 512), family)


async def answer(engine, name):
    messages, text = (Message("user", CONVERSATIONS[name]),), ""
    try:
        async for delta in engine.generate(GenerationRequest(messages, GREEDY, name)):
            text += delta.reasoning + delta.content
    except DeviceMemoryError as error:
        return error
    return text


async def answer_all(nano, family) -> dict:
    runner = make_runner(nano, family)
    engine = LocalEngine(runner)
    answers = asyncio.gather(*(answer(engine, name) for name in CONVERSATIONS))
    texts = dict(zip(CONVERSATIONS, await asyncio.wait_for(answers, GUARD_S), strict=True))
    again = await asyncio.wait_for(answer(engine, "ann"), GUARD_S)
    await asyncio.to_thread(engine.close)
    assert not any(slot.busy for slot in runner.cache.slots)
    return {**texts, "again": again}


@pytest.fixture
async def expected(nano):
    return await answer_all(nano, StarvedFamily(lambda where, size: False))


@pytest.mark.parametrize("where", ["vision", "prefill", "decode"])
async def test_a_pass_that_lacks_memory_once_ends_no_request(nano, expected, caplog, where):
    family = StarvedFamily(lambda place, size: place == where, times=1)
    assert await answer_all(nano, family) == expected
    assert len(family.failures) == 1
    if where != "vision":
        assert "Out of memory on cpu: dropped" in caplog.text


async def test_an_image_that_never_fits_ends_its_own_request(nano, expected, caplog):
    family = StarvedFamily(lambda where, size: where == "vision" and size > 150)
    answers = await answer_all(nano, family)
    assert isinstance(answers.pop("bad"), DeviceMemoryError)
    assert answers == {name: text for name, text in expected.items() if name != "bad"}
    # First ahead of prefill, then in the worker, which frees memory and tries again.
    assert len(family.failures) >= 3
    assert "No memory to encode the images of" in caplog.text
    assert "Out of memory on cpu: dropped" in caplog.text


@pytest.mark.parametrize(("where", "limit"), [("prefill", 70), ("decode", 2)])
async def test_a_pass_too_large_for_memory_is_made_in_parts(nano, expected, where, limit):
    family = StarvedFamily(lambda place, size: place == where and size > limit)
    assert await answer_all(nano, family) == expected
    assert family.failures


async def test_what_was_freed_is_logged(nano, caplog):
    runner = make_runner(nano, StarvedFamily(lambda where, size: False))
    runner._vision.insert({"a": torch.zeros(1_000_000), "b": torch.zeros(2_000_000)})
    runner.free_memory()
    assert "Out of memory on cpu: dropped 12 MB of cached image features" in caplog.text
    assert "the allocator returned 0 MB to the device" in caplog.text
    assert runner.drop_caches() == (0, 0)


async def test_a_failed_admission_leaves_its_slot_idle(nano):
    runner = make_runner(nano, StarvedFamily(lambda where, size: False))
    runner.sampler._free_rows.clear()
    prompt = runner.build_prompt((Message("user", ("hello",)),))
    sequence = Sequence("a", prompt, GREEDY, runner.control, 5)
    with pytest.raises(IndexError):
        runner.acquire_slot(sequence)
    assert not any(slot.busy for slot in runner.cache.slots)
