"""In any schedule a request gets the answer that it gets alone, and leaves nothing behind."""

import asyncio
import gc
from dataclasses import dataclass, replace
from random import Random

import pytest
import torch
from generation import GUARD_S, wait_until
from pictures import clip, picture
from tiny import RememberingRunner, tiny_model

from webui.engine.execution.kv_cache import CachePlan
from webui.engine.serving.engine import LocalEngine
from webui.protocol import FinishReason, GenerationRequest, Message, SamplingParams

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
class PlannedRequest:
    """One request of a schedule.

    After `finish_after` deltas it is finished with `finish_reason`, after `leave_after` its stream
    is closed; 0 is never.
    """

    conversation: int
    budget: int | None
    delay_s: float
    owner: str
    max_tokens: int
    penalty: float
    finish_after: int = 0
    finish_reason: FinishReason = "abort"
    leave_after: int = 0

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


def random_request(random: Random) -> PlannedRequest:
    finish = {
        "finish_after": random.randrange(1, 8),
        "finish_reason": random.choice(["abort", "stop"]),
    }
    ending = random.choice([{}, {}, {}, finish, {"leave_after": random.randrange(1, 6)}])
    return PlannedRequest(
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
def answer_alone(make_runner):
    """Return the answer to a request as the only one of a new engine."""
    answers = {}

    async def answer(planned: PlannedRequest) -> str:
        key = (planned.conversation, planned.budget, planned.max_tokens, planned.penalty)
        if key not in answers:
            engine = LocalEngine(make_runner(1))
            undisturbed = replace(planned, delay_s=0, finish_after=0, leave_after=0)
            answers[key] = await run_request(engine, undisturbed)
            await asyncio.to_thread(engine.close)
        return answers[key]

    return answer


async def run_request(engine: LocalEngine, planned: PlannedRequest) -> str:
    """Return the text of the answer."""
    await asyncio.sleep(planned.delay_s)
    text, request = "", planned.request
    stream = engine.generate(request)
    deltas = 0
    async for delta in stream:
        text += delta.reasoning + delta.content
        deltas += 1
        if deltas == planned.finish_after:
            engine.finish(request.id, planned.finish_reason)
        if deltas == planned.leave_after:
            break
    await stream.aclose()
    return text


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_in_any_schedule_a_request_gets_the_answer_that_it_gets_alone(
    make_runner, answer_alone, seed
):
    random = Random(seed)
    for _ in range(SCHEDULES):
        options = {
            "chunk_tokens": random.choice([5, 40, 256]),
            "vision_cache_bytes": random.choice([1, 10**6]),
        }
        runner = make_runner(random.randrange(1, 5), **options)
        engine = LocalEngine(runner)
        requests = [random_request(random) for _ in range(random.randrange(2, 8))]
        texts = await asyncio.gather(*(run_request(engine, planned) for planned in requests))
        for planned, text in zip(requests, texts, strict=True):
            expected = await answer_alone(planned)
            if planned.finish_after or planned.leave_after:
                assert expected.startswith(text)
            else:
                assert text == expected
        await asyncio.to_thread(engine.close)
        assert not any(slot.busy for slot in runner.cache.slots)
        assert sorted(runner.sampler._free_rows) == list(range(runner.slots))


@pytest.mark.slow
async def test_two_thousand_requests_leave_no_objects_behind(make_runner):
    engine = LocalEngine(make_runner(8), max_waiting=1000)
    random = Random(1)

    async def run_many(count: int) -> tuple[int, int]:
        """Return the objects and the tensors in memory after `count` requests."""
        short = {"conversation": 0, "delay_s": 0, "max_tokens": 2}
        requests = [
            replace(random_request(random), **short, finish_after=0, leave_after=0)
            for _ in range(count)
        ]
        for start in range(0, count, 40):
            batch = requests[start : start + 40]
            await asyncio.gather(*(run_request(engine, planned) for planned in batch))
        del requests, batch
        gc.collect()
        objects = gc.get_objects()
        return len(objects), sum(issubclass(type(each), torch.Tensor) for each in objects)

    await run_many(300)
    objects, tensors = await run_many(100)
    later_objects, later_tensors = await run_many(2000)
    await asyncio.to_thread(engine.close)
    assert later_tensors <= tensors + 20
    # The scheduler remembers up to 1,024 owners; numbers and strings are no objects to the
    # garbage collector.
    assert later_objects <= objects + 500


async def test_a_flood_of_one_owner_does_not_keep_another_waiting(make_runner):
    runner = make_runner(3)
    engine = LocalEngine(runner)
    long = PlannedRequest(1, None, 0.0, "flood", 60, 1.0)
    flood = [asyncio.create_task(run_request(engine, replace(long))) for _ in range(50)]
    await wait_until(lambda: any(slot.busy for slot in runner.cache.slots))
    short = PlannedRequest(0, None, 0.0, "guest", 1, 1.0)
    await asyncio.wait_for(run_request(engine, short), GUARD_S)
    assert sum(task.done() for task in flood) < 50
    for task in flood:
        task.cancel()
    await asyncio.gather(*flood, return_exceptions=True)
    await asyncio.to_thread(engine.close)
