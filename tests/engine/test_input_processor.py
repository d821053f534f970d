"""Prompts are built fairly by owner and encoded in batches; a finished request waits no longer."""

import asyncio
from functools import partial
from threading import Barrier, Event

import pytest
from generation import GUARD_S

from webui.engine.serving.input_processor import InputProcessor
from webui.errors import EngineStoppedError


@pytest.fixture
def processor():
    processor = InputProcessor(list, threads=1)
    yield processor
    processor.close()


async def submit(processor, request_id, owner, build) -> asyncio.Task:
    """Return the task of a request once its job is in the queue."""
    task = asyncio.create_task(processor.process(request_id, owner, build))
    await asyncio.sleep(0)
    return task


async def test_owners_alternate(processor):
    gate, order = Event(), []
    tasks = [await submit(processor, "x", "x", gate.wait)]
    for name in ("a1", "a2", "a3", "b1", "b2"):
        tasks.append(await submit(processor, name, name[0], partial(order.append, name)))
    gate.set()
    await asyncio.gather(*tasks)
    assert order == ["a1", "b1", "a2", "b2", "a3"]


async def test_another_owner_is_served_between_building_and_encoding():
    a2_is_queued, a2_is_building, b1_is_queued = Event(), Event(), Event()
    order = []

    def build(name):
        order.append(f"build {name}")
        if name == "a1":
            assert a2_is_queued.wait(GUARD_S)
        if name == "a2":
            a2_is_building.set()
            assert b1_is_queued.wait(GUARD_S)
        return name

    def encode(names):
        order.append(f"encode {' '.join(names)}")
        return names

    processor = InputProcessor(encode, threads=1)
    tasks = [await submit(processor, name, "a", partial(build, name)) for name in ("a1", "a2")]
    a2_is_queued.set()
    assert await asyncio.to_thread(a2_is_building.wait, GUARD_S)
    tasks.append(await submit(processor, "b1", "b", partial(build, "b1")))
    b1_is_queued.set()
    assert await asyncio.gather(*tasks) == ["a1", "a2", "b1"]
    assert order == ["build a1", "encode a1", "build a2", "build b1", "encode b1", "encode a2"]
    await asyncio.to_thread(processor.close)


async def process_together(processor, owners, build=lambda name: name) -> list:
    """Return the results of one prompt for each owner, all queued before the first is built."""
    gate = Event()
    tasks = [await submit(processor, "x", "x", lambda: gate.wait() and "x")]
    for number, owner in enumerate(owners):
        tasks.append(await submit(processor, f"{number}", owner, partial(build, owner)))
    gate.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_first_requests_are_encoded_in_batches_and_later_ones_of_an_owner_alone():
    batches = []

    def encode(names):
        batches.append("".join(names))
        return [name.upper() for name in names]

    processor = InputProcessor(encode, threads=1)
    assert await process_together(processor, "abcdefghii") == [*"XABCDEFGHII"]
    assert batches == ["xabcdefg", "hi", "i"]
    await asyncio.to_thread(processor.close)


async def test_each_thread_takes_an_equal_share():
    gate, both_encode, batch_sizes = Event(), Barrier(2), []

    def encode(names):
        both_encode.wait(GUARD_S)
        batch_sizes.append(len(names))
        return names

    def build(name):
        assert name in "abcd" or gate.wait(GUARD_S)
        return name

    processor = InputProcessor(encode, threads=2)
    tasks = [await submit(processor, name, name, partial(build, name)) for name in "xyabcd"]
    gate.set()
    assert "".join(await asyncio.gather(*tasks)) == "xyabcd"
    assert batch_sizes == [3, 3]
    await asyncio.to_thread(processor.close)


async def test_an_error_in_a_batch_reaches_only_the_request_that_causes_it():
    def encode(numbers):
        return [6 // number for number in numbers]

    processor = InputProcessor(encode, threads=1)
    first, *others = await process_together(processor, "132", {"1": 1, "3": 0, "2": 2}.get)
    assert isinstance(first, TypeError)
    assert [others[0], others[2]] == [6, 3]
    assert isinstance(others[1], ZeroDivisionError)
    await asyncio.to_thread(processor.close)


async def test_a_finished_request_is_not_encoded():
    gate, batches = Event(), []

    def encode(names):
        batches.append("".join(names))
        return names

    processor = InputProcessor(encode, threads=1)
    tasks = [await submit(processor, "x", "x", lambda: gate.wait() and "x")]
    for name in "ab":
        tasks.append(await submit(processor, name, name, partial(str, name)))
    processor.finish_request("a", "abort")
    gate.set()
    assert await asyncio.gather(*tasks) == ["x", "abort", "b"]
    assert batches == ["xb"]
    await asyncio.to_thread(processor.close)


async def test_the_pause_of_a_throttled_owner_does_not_delay_another_owner():
    all_are_queued, order, time_s = Event(), [], [0.0]

    def encode(names):
        # The work on a2 takes a minute, and so does the pause after it, which ends during b.
        time_s[0] += {"a2": 60.0, "b": 60.0}.get(names[0], 0.0)
        order.extend(names)
        return names

    def build(name):
        assert all_are_queued.wait(GUARD_S)
        return name

    processor = InputProcessor(encode, threads=1, max_pause_s=60.0, clock=lambda: time_s[0])
    tasks = [
        await submit(processor, name, "a", partial(build, name)) for name in ("a1", "a2", "a3")
    ]
    all_are_queued.set()
    await asyncio.gather(*tasks[:2])
    assert not tasks[2].done()
    await processor.process("b", "b", partial(str, "b"))
    await tasks[2]
    assert order == ["a1", "a2", "b", "a3"]
    await asyncio.to_thread(processor.close)


async def test_one_of_several_threads_is_kept_for_first_requests():
    all_are_queued, gate = Event(), Event()
    processor = InputProcessor(list, threads=2)
    builds = [partial(all_are_queued.wait, GUARD_S), gate.wait, gate.wait, gate.wait]
    flood = [
        await submit(processor, f"a{number}", "a", build) for number, build in enumerate(builds)
    ]
    all_are_queued.set()
    assert await flood[0]
    other = processor.process("b", "b", lambda: "prompt")
    assert await asyncio.wait_for(other, GUARD_S) == "prompt"
    gate.set()
    assert await asyncio.gather(*flood[1:]) == [True] * 3
    await asyncio.to_thread(processor.close)


@pytest.mark.parametrize("reason", ["abort", "stop"])
async def test_finish_ends_the_wait_at_once_with_the_first_reason(processor, reason):
    gate = Event()
    task = await submit(processor, "a", "a", gate.wait)
    processor.finish_request("a", reason)
    processor.finish_request("a", "length")
    assert await asyncio.wait_for(task, GUARD_S) == reason
    gate.set()
    assert await processor.process("a", "a", lambda: "prompt") == "prompt"


async def test_a_cancelled_caller_is_cancelled(processor):
    gate = Event()
    task = await submit(processor, "a", "a", gate.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()


async def test_an_error_reaches_its_request_only(processor):
    with pytest.raises(ZeroDivisionError):
        await processor.process("a", "a", lambda: 1 // 0)
    assert await processor.process("b", "b", lambda: "prompt") == "prompt"


async def test_a_closed_processor_refuses_requests():
    processor = InputProcessor(list, threads=1)
    processor.close()
    with pytest.raises(EngineStoppedError):
        await processor.process("a", "a", lambda: "prompt")


async def test_a_flood_of_one_owner_delays_another_by_one_build_at_most(processor):
    started, gate, order = Event(), Event(), []

    def build(name):
        order.append(name)
        started.set()
        return gate.wait()

    flood = [
        await submit(processor, f"a{number}", "a", partial(build, f"a{number}"))
        for number in range(30)
    ]
    await asyncio.to_thread(started.wait)
    other = await submit(processor, "b", "b", partial(build, "b"))
    gate.set()
    await asyncio.gather(other, *flood)
    assert order[:2] == ["a0", "b"]


async def test_stop_fails_waiting_requests_and_the_one_in_progress(processor):
    started, gate = Event(), Event()
    tasks = [
        await submit(processor, name, name, lambda: started.set() or gate.wait())
        for name in ("a", "b", "c")
    ]
    await asyncio.to_thread(started.wait)
    processor.refuse_requests(lambda: EngineStoppedError(reason="it was lost"))
    gate.set()
    answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), GUARD_S)
    assert ["it was lost" in str(answer) for answer in answers] == [True] * 3
