"""Prompts are built in fair turns and looked at together, an abort is felt at once, and nobody waits for ever."""

import asyncio
from functools import partial
from threading import Barrier, Event
from time import sleep

import pytest

from webui.engine.serving.input_processor import InputProcessor
from webui.errors import EngineStoppedError


@pytest.fixture
def encoder():
    encoder = InputProcessor(list, threads=1)
    yield encoder
    encoder.close()


async def test_owners_take_turns(encoder):
    gate, order = Event(), []

    def job(name):
        return encoder.process(name, name[0], lambda: order.append(name))

    first = asyncio.create_task(encoder.process("x", "x", gate.wait))
    await asyncio.sleep(0)
    others = [asyncio.create_task(job(name)) for name in ("a1", "a2", "a3", "b1", "b2")]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, *others)
    assert order == ["a1", "b1", "a2", "b2", "a3"]


async def test_between_building_and_looking_an_earlier_turn_goes_first():
    begun, gate, order = Event(), Event(), []

    def build(name):
        order.append(f"{name} built")
        if name == "a2":
            begun.set()
            gate.wait()
        return name

    def look(names):
        order.append(f"{' '.join(names)} looked")
        return names

    encoder = InputProcessor(look, threads=1)
    tasks = [
        asyncio.create_task(encoder.process(name, "a", partial(build, name)))
        for name in ("a1", "a2")
    ]
    assert await asyncio.to_thread(begun.wait, 5)
    tasks.append(asyncio.create_task(encoder.process("b1", "b", partial(build, "b1"))))
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*tasks) == ["a1", "a2", "b1"]
    assert order == ["a1 built", "a1 looked", "a2 built", "b1 built", "b1 looked", "a2 looked"]
    await asyncio.to_thread(encoder.close)


async def waiting_together(encoder, owners, build=lambda name: name):
    """What comes of a prompt for each owner, all of which waited when the first could be built."""
    gate = Event()
    first = asyncio.create_task(encoder.process("x", "x", lambda: gate.wait() and "x"))
    await asyncio.sleep(0)
    tasks = [
        asyncio.create_task(encoder.process(f"{at}", name, partial(build, name)))
        for at, name in enumerate(owners)
    ]
    await asyncio.sleep(0)
    gate.set()
    return await asyncio.gather(first, *tasks, return_exceptions=True)


async def test_those_who_wait_are_looked_at_together_but_not_a_flood():
    looks = []

    def look(names):
        looks.append("".join(names))
        return [name.upper() for name in names]

    encoder = InputProcessor(look, threads=1)
    assert await waiting_together(encoder, "abcdefghii") == [*"XABCDEFGHII"]
    assert looks == ["xabcdefg", "hi", "i"]
    await asyncio.to_thread(encoder.close)


async def test_each_thread_takes_its_share_of_those_who_wait():
    gate, both, looks = Event(), Barrier(2), []

    def look(names):
        both.wait(5)
        looks.append(len(names))
        return names

    def build(name):
        assert name in "abcd" or gate.wait(5)
        return name

    encoder = InputProcessor(look, threads=2)
    tasks = [
        asyncio.create_task(encoder.process(name, name, partial(build, name))) for name in "xyabcd"
    ]
    await asyncio.sleep(0)
    gate.set()
    assert "".join(await asyncio.gather(*tasks)) == "xyabcd"
    assert looks == [3, 3]
    await asyncio.to_thread(encoder.close)


async def test_an_error_of_one_look_is_for_the_one_who_causes_it():
    def look(numbers):
        return [6 // number for number in numbers]

    encoder = InputProcessor(look, threads=1)
    one, *others = await waiting_together(encoder, "132", {"1": 1, "3": 0, "2": 2}.get)
    assert isinstance(one, TypeError)
    assert [others[0], others[2]] == [6, 3]
    assert isinstance(others[1], ZeroDivisionError)
    await asyncio.to_thread(encoder.close)


async def test_who_gives_up_is_not_looked_at():
    gate, looks = Event(), []

    def look(names):
        looks.append("".join(names))
        return names

    encoder = InputProcessor(look, threads=1)
    first = asyncio.create_task(encoder.process("x", "x", lambda: gate.wait() and "x"))
    await asyncio.sleep(0)
    others = [asyncio.create_task(encoder.process(name, name, partial(str, name))) for name in "ab"]
    await asyncio.sleep(0)
    encoder.finish("a", "abort")
    gate.set()
    assert await asyncio.gather(first, *others) == ["x", "abort", "b"]
    assert looks == ["xb"]
    await asyncio.to_thread(encoder.close)


async def test_a_rest_is_not_for_those_who_come_first():
    order = []

    def look(names):
        # A rest is as long as the work before it.
        sleep(1.0 if names == ["a2"] else 0)
        order.extend(names)
        return names

    encoder = InputProcessor(look, threads=1, max_pause_s=60.0)
    a1, a2, a3 = (
        asyncio.create_task(encoder.process(name, "a", partial(str, name)))
        for name in ("a1", "a2", "a3")
    )
    await asyncio.gather(a1, a2)
    await encoder.process("b", "b", partial(str, "b"))
    await a3
    assert order == ["a1", "a2", "b", "a3"]
    await asyncio.to_thread(encoder.close)


async def test_one_of_several_threads_is_kept_for_who_comes_first():
    encoder, gate = InputProcessor(list, threads=2), Event()
    builds = [lambda: True, gate.wait, gate.wait, gate.wait]
    flood = [
        asyncio.create_task(encoder.process(f"a{at}", "a", build))
        for at, build in enumerate(builds)
    ]
    assert await flood[0]
    assert await asyncio.wait_for(encoder.process("b", "b", lambda: "prompt"), 10) == "prompt"
    gate.set()
    assert await asyncio.gather(*flood[1:]) == [True] * 3
    await asyncio.to_thread(encoder.close)


async def test_an_abort_ends_the_wait_at_once(encoder):
    gate = Event()
    task = asyncio.create_task(encoder.process("a", "a", gate.wait))
    await asyncio.sleep(0)
    encoder.finish("a", "abort")
    assert await asyncio.wait_for(task, 5) == "abort"
    gate.set()
    assert await encoder.process("a", "a", lambda: "prompt") == "prompt"


async def test_a_cancelled_caller_is_cancelled(encoder):
    gate = Event()
    task = asyncio.create_task(encoder.process("a", "a", gate.wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()


async def test_an_error_reaches_its_request_only(encoder):
    with pytest.raises(ZeroDivisionError):
        await encoder.process("a", "a", lambda: 1 // 0)
    assert await encoder.process("b", "b", lambda: "prompt") == "prompt"


async def test_after_close_it_refuses():
    encoder = InputProcessor(list, threads=1)
    encoder.close()
    with pytest.raises(EngineStoppedError):
        await encoder.process("a", "a", lambda: "prompt")


async def test_a_flood_of_large_prompts_delays_the_next_one_by_one_build_at_most(encoder):
    begun, gate, order = Event(), Event(), []

    def build(name):
        order.append(name)
        begun.set()
        return gate.wait()

    flood = [
        asyncio.create_task(encoder.process(f"a{at}", "a", partial(build, f"a{at}")))
        for at in range(30)
    ]
    await asyncio.to_thread(begun.wait)
    bystander = asyncio.create_task(encoder.process("b", "b", partial(build, "b")))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(bystander, *flood)
    assert order[:2] == ["a0", "b"]


async def test_stopping_tells_those_who_wait_and_those_whose_prompt_is_being_made(encoder):
    begun, gate = Event(), Event()
    tasks = [
        asyncio.create_task(encoder.process(name, name, lambda: begun.set() or gate.wait()))
        for name in ("a", "b", "c")
    ]
    await asyncio.to_thread(begun.wait)
    encoder.stop(lambda: EngineStoppedError(reason="it was lost"))
    gate.set()
    answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 60)
    assert ["it was lost" in str(answer) for answer in answers] == [True] * 3
