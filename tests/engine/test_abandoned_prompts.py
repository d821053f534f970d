"""Who leaves while their prompt is made ends that work."""

import asyncio
from threading import Event
from time import sleep

import pytest
from echo_runner import EchoRunner
from test_engine import collect, request

from webui.engine.prompt import AbandonedError
from webui.engine.serving.engine import LocalEngine

GUARD_S = 60


class SlowRunner(EchoRunner):
    """Makes prompts for as long as somebody waits for them."""

    def __init__(self):
        super().__init__()
        self.begun, self.ended = Event(), Event()

    def build_prompt(self, messages, gone):
        self.begun.set()
        while not gone():
            sleep(0.001)
        self.ended.set()
        raise AbandonedError


@pytest.fixture
def runner():
    return SlowRunner()


@pytest.fixture
def engine(runner):
    engine = LocalEngine(runner)
    yield engine
    engine.close()


async def test_a_request_that_is_stopped(engine, runner):
    asking = asyncio.create_task(collect(engine, request("hello", "x")))
    await asyncio.to_thread(runner.begun.wait)
    engine.abort("x")
    assert (await asking)[-1].finish_reason == "abort"
    assert await asyncio.to_thread(runner.ended.wait, GUARD_S)


async def test_a_reader_that_is_cancelled(engine, runner):
    asking = asyncio.create_task(collect(engine, request("hello", "x")))
    await asyncio.to_thread(runner.begun.wait)
    asking.cancel()
    assert await asyncio.to_thread(runner.ended.wait, GUARD_S)
