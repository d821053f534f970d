"""Prompts are built in fair turns, an abort is felt at once, and nobody waits for ever."""

import asyncio
from threading import Event

import pytest

from webui.engine.encoder import Encoder
from webui.errors import EngineStoppedError


@pytest.fixture
def encoder():
    encoder = Encoder(threads=1)
    yield encoder
    encoder.close()


async def test_owners_take_turns(encoder):
    gate, order = Event(), []

    def job(name):
        return encoder.encode(name, name[0], lambda: order.append(name))

    first = asyncio.create_task(encoder.encode("x", "x", gate.wait))
    await asyncio.sleep(0)
    others = [asyncio.create_task(job(name)) for name in ("a1", "a2", "a3", "b1", "b2")]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, *others)
    assert order == ["a1", "b1", "a2", "b2", "a3"]


async def test_an_abort_ends_the_wait_at_once(encoder):
    gate = Event()
    task = asyncio.create_task(encoder.encode("a", "a", gate.wait))
    await asyncio.sleep(0)
    encoder.abort("a")
    assert await asyncio.wait_for(task, 5) is None
    gate.set()
    assert await encoder.encode("a", "a", lambda: "prompt") == "prompt"


async def test_a_cancelled_caller_is_cancelled(encoder):
    gate = Event()
    task = asyncio.create_task(encoder.encode("a", "a", gate.wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()


async def test_an_error_reaches_its_request_only(encoder):
    with pytest.raises(ZeroDivisionError):
        await encoder.encode("a", "a", lambda: 1 // 0)
    assert await encoder.encode("b", "b", lambda: "prompt") == "prompt"


async def test_after_close_it_refuses():
    encoder = Encoder(threads=1)
    encoder.close()
    with pytest.raises(EngineStoppedError):
        await encoder.encode("a", "a", lambda: "prompt")
