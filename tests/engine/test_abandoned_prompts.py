"""A request that ends while its prompt is built ends that work."""

import asyncio
from threading import Event
from time import sleep

import pytest
from echo_runner import EchoRunner
from generation import GUARD_S, collect, make_request

from webui.engine.prompt import AbandonedError
from webui.engine.serving.engine import LocalEngine


class SlowRunner(EchoRunner):
    """Builds a prompt until its request is aborted."""

    def __init__(self):
        super().__init__()
        self.started, self.ended = Event(), Event()

    def build_prompt(self, messages, is_aborted):
        self.started.set()
        while not is_aborted():
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


@pytest.mark.parametrize("reason", ["abort", "stop"])
async def test_a_finished_request_ends_the_work_on_its_prompt(engine, runner, reason):
    answer = asyncio.create_task(collect(engine, make_request("hello", "x")))
    await asyncio.to_thread(runner.started.wait)
    engine.finish("x", reason)
    assert (await answer)[-1].finish_reason == reason
    assert await asyncio.to_thread(runner.ended.wait, GUARD_S)


async def test_a_cancelled_reader_ends_the_work_on_its_prompt(engine, runner):
    answer = asyncio.create_task(collect(engine, make_request("hello", "x")))
    await asyncio.to_thread(runner.started.wait)
    answer.cancel()
    assert await asyncio.to_thread(runner.ended.wait, GUARD_S)
