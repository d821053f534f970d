"""Whatever else happens in the engine, a request gets what it gets alone, and nothing of it stays behind."""

import asyncio
import gc
from dataclasses import dataclass, replace
from random import Random

import pytest
import torch
from pictures import clip, picture
from tiny import RememberingRunner, tiny_model

from webui.engine.execution.kv_cache import CachePlan
from webui.engine.serving.engine import LocalEngine
from webui.protocol import GenerationRequest, Message, SamplingParams

GREEDY = SamplingParams(temperature=0, repetition_penalty=1.0)
CONTEXT = 256
SCHEDULES, ROUNDS = 20, 10


def user(*parts) -> Message:
    return Message("user", parts)


DOCUMENT = (picture("red", (56, 84)), picture("blue", (84, 56)), picture("green", (56, 56)))
CONVERSATIONS = (
    (user("Hello"),),
    (user("1 + 1 = " * 20),),
    (user(*DOCUMENT, "What is on page 1?"),),
    (user(*DOCUMENT, "How many pages are there?"),),
    (
        user(*DOCUMENT, "How many pages are there?"),
        Message("assistant", ("Three.",)),
        user("And colours?"),
    ),
    (user(picture("black", (112, 112)), "What shape?"),),
    (user(clip("orange", 4), "What moves?"),),
    (user(clip("purple", 3), "视频里是什么？"),),
)


@dataclass(frozen=True)
class Visit:
    """One request of a schedule. `leaves` closes the stream after so many deltas, `stops` presses Stop."""

    conversation: int
    budget: int | None
    delay_s: float
    owner: str
    max_tokens: int
    penalty: float
    stops: int = 0
    leaves: int = 0

    @property
    def request(self) -> GenerationRequest:
        sampling = replace(
            GREEDY,
            max_tokens=self.max_tokens,
            thinking_token_budget=self.budget,
            repetition_penalty=self.penalty,
        )
        return GenerationRequest(
            CONVERSATIONS[self.conversation], sampling, f"{id(self)}", owner=self.owner
        )


def visit(random: Random) -> Visit:
    ending = random.choice(
        [{}, {}, {}, {"stops": random.randrange(1, 8)}, {"leaves": random.randrange(1, 6)}]
    )
    return Visit(
        conversation=random.randrange(len(CONVERSATIONS)),
        budget=random.choice([None, None, 0]),
        delay_s=random.random() * 0.03,
        owner=random.choice(["", "anna", "bert"]),
        max_tokens=random.randrange(1, 9),
        penalty=random.choice([1.0, 1.0, 1.3]),
        **ending,
    )


@pytest.fixture(scope="module")
def make_runner(nano):
    model, prompts = tiny_model(nano.runner.model), {}

    def make(slots: int, **options) -> RememberingRunner:
        return RememberingRunner(
            model, nano.runner.processor, CachePlan(slots, CONTEXT), prompts, **options
        )

    return make


@pytest.fixture(scope="module")
def alone(make_runner):
    """What a request gets when nobody else is there, in an engine that has seen nothing."""
    texts = {}

    async def text_of(one: Visit) -> str:
        key = (one.conversation, one.budget, one.max_tokens, one.penalty)
        if key not in texts:
            engine = LocalEngine(make_runner(1))
            texts[key] = await text(engine, replace(one, delay_s=0, stops=0, leaves=0))
            await asyncio.to_thread(engine.close)
        return texts[key]

    return text_of


async def text(engine: LocalEngine, one: Visit) -> str:
    await asyncio.sleep(one.delay_s)
    written, request = "", one.request
    stream = engine.generate(request)
    count = 0
    async for delta in stream:
        written, count = written + delta.reasoning + delta.content, count + 1
        if count == one.stops:
            engine.abort(request.id)
        if count == one.leaves:
            break
    await stream.aclose()
    return written


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_any_schedule_gives_each_request_what_it_gets_alone(make_runner, alone, seed):
    random = Random(seed)
    for _ in range(SCHEDULES):
        options = {
            "chunk_tokens": random.choice([5, 40, 256]),
            "vision_cache_bytes": random.choice([1, 10**6]),
        }
        runner = make_runner(random.randrange(1, 5), **options)
        engine = LocalEngine(runner)
        visits = [visit(random) for _ in range(random.randrange(2, 8))]
        texts = await asyncio.gather(*(text(engine, one) for one in visits))
        for one, written in zip(visits, texts, strict=True):
            wanted = await alone(one)
            assert wanted.startswith(written) if one.stops or one.leaves else written == wanted
        await asyncio.to_thread(engine.close)
        assert not any(slot.busy for slot in runner.cache.slots)
        assert sorted(runner.sampler._free_rows) == list(range(runner.slots))


async def test_two_thousand_requests_leave_nothing_behind(make_runner):
    engine = LocalEngine(make_runner(8), max_waiting=1000)
    random = Random(1)

    async def flood(count: int) -> tuple[int, int]:
        visits = [
            replace(visit(random), conversation=0, delay_s=0, max_tokens=2, stops=0, leaves=0)
            for _ in range(count)
        ]
        for start in range(0, count, 40):
            await asyncio.gather(*(text(engine, one) for one in visits[start : start + 40]))
        del visits
        gc.collect()
        things = gc.get_objects()
        return len(things), sum(issubclass(type(thing), torch.Tensor) for thing in things)

    await flood(300)
    objects, tensors = await flood(100)
    later_objects, later_tensors = await flood(2000)
    await asyncio.to_thread(engine.close)
    assert later_tensors <= tensors + 20
    # The scheduler remembers the last turn of up to 1,024 owners; numbers and strings are not objects to the collector.
    assert later_objects <= objects + 500


async def test_a_flood_does_not_keep_the_next_person_waiting(make_runner):
    engine = LocalEngine(make_runner(3))
    base = Visit(1, None, 0.0, "flood", 60, 1.0)
    flood = [asyncio.create_task(text(engine, replace(base))) for _ in range(50)]
    await asyncio.sleep(0.2)
    await asyncio.wait_for(text(engine, Visit(0, None, 0.0, "guest", 1, 1.0)), 30)
    assert sum(task.done() for task in flood) < 50
    for task in flood:
        task.cancel()
    await asyncio.gather(*flood, return_exceptions=True)
    await asyncio.to_thread(engine.close)
