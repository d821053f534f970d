"""An engine that dies is replaced: who has no word of an answer yet gets it from the next one, the rest are told."""

import asyncio
import logging
from time import monotonic, sleep

import pytest
from fake_loader import FakeLoader
from faulty_runner import FaultyRunner
from test_engine import collect, request, text_of
from test_engine_core import GUARD_S, ask
from test_model_manager import ONE, TWO, asked, manager

from webui.engine.manager.model_entry import MOST_DEATHS, ModelEntry
from webui.engine.manager.model_manager import ModelManager
from webui.errors import EngineStoppedError, ModelLoadError


@pytest.fixture(autouse=True)
def quiet(caplog):
    """pytest keeps what is logged, with tracebacks and all that their frames hold on to."""
    caplog.set_level(logging.CRITICAL)


def dying(**faults) -> FaultyRunner:
    """Its device is lost with the first pass that holds a request called bad."""
    return FaultyRunner(step_s=0.005, lethal=True, **faults)


def loader(*runners) -> FakeLoader:
    made = FakeLoader(runners=list(runners), step_s=0.005)
    made.go.set()
    return made


def managed(made: FakeLoader, **settings) -> ModelManager:
    return manager(made, ONE, retry_after_s=0, **settings)


def loads(made: FakeLoader) -> int:
    return made.diary.count("load one")


def until(condition) -> None:
    end = monotonic() + GUARD_S
    while not condition() and monotonic() < end:
        sleep(0.01)
    assert condition()


async def all_of(*answers) -> list:
    return await asyncio.wait_for(asyncio.gather(*answers), GUARD_S)


async def until_writing(made: ModelManager, name: str) -> asyncio.Task:
    """A request that has been answered in part; the task ends as its stream does."""
    stream = made.generate(request("abc", name, max_tokens=100_000))
    async for delta in stream:
        if delta.content:
            break

    async def rest() -> Exception | None:
        try:
            async for _ in stream:
                pass
        except EngineStoppedError as error:
            return error
        return None

    return asyncio.create_task(rest())


async def test_who_waits_is_answered_by_the_next_engine_and_who_writes_is_told():
    made = loader(dying(where="prefill", times=1, slots=2))
    models = managed(made)
    writing = await until_writing(models, "endless")
    names = ("ann", "bad", "cy", "dora", "eve")
    told, *answers = await all_of(writing, *(ask(models, name) for name in names))
    assert isinstance(told, EngineStoppedError)
    assert answers == [3 * name for name in names]
    assert loads(made) == 2
    assert made.alive == [0, 0]
    await asyncio.to_thread(models.close)


async def test_who_waits_sees_a_load_and_nothing_else():
    models = managed(loader(dying(where="prefill", times=1, slots=2)))
    writing = await until_writing(models, "endless")
    waiting = asyncio.create_task(collect(models, request("abc", "abc")))
    await all_of(ask(models, "bad"), writing)
    deltas = await asyncio.wait_for(waiting, GUARD_S)
    assert {delta.progress.phase for delta in deltas if delta.progress} >= {"loading", "answering"}
    assert text_of(deltas) == "abc"
    await asyncio.to_thread(models.close)


async def test_a_request_that_kills_twice_is_told_and_the_others_are_answered():
    made = loader(*(dying(where="prefill", slots=1) for _ in range(5)))
    models = managed(made)
    bad, *others = await all_of(*(ask(models, name) for name in ("bad", "ann", "cy")))
    assert isinstance(bad, EngineStoppedError)
    assert "boom" in str(bad)
    assert others == ["annannann", "cycycy"]
    await asyncio.to_thread(models.close)


@pytest.mark.parametrize("where", ["admit", "decode", "release"])
async def test_wherever_the_engine_dies_the_next_request_is_answered(where):
    made = loader(dying(where=where, fails=lambda names: True))
    models = managed(made)
    await all_of(ask(models, "first"))
    assert await all_of(ask(models, "next")) == ["nextnextnext"]
    assert loads(made) == 2
    await asyncio.to_thread(models.close)


async def test_the_model_comes_back_though_nobody_waits():
    made = loader(dying(where="decode", fails=lambda names: True))
    models = managed(made)
    writing = await until_writing(models, "endless")
    assert isinstance(await asyncio.wait_for(writing, GUARD_S), EngineStoppedError)
    await asyncio.to_thread(until, lambda: loads(made) == 2 and models.status().state == "ready")
    assert made.alive == [0, 0]
    await asyncio.to_thread(models.close)


async def test_who_waits_is_told_when_the_model_cannot_be_loaded_again():
    made = loader(dying(where="prefill", times=1, slots=2))
    models = managed(made)
    writing = await until_writing(models, "endless")
    made.broken.add(ONE)
    told, *answers = await all_of(writing, *(ask(models, name) for name in ("bad", "ann", "cy")))
    assert isinstance(told, EngineStoppedError)
    assert all(isinstance(answer, ModelLoadError) for answer in answers)
    assert "start it again" in str(answers[0])
    await asyncio.to_thread(models.close)


async def test_whom_an_engine_may_have_died_of_is_read_and_written_apart_from_others():
    second = FaultyRunner(step_s=0.005)
    models = managed(loader(dying(where="prefill", fails=lambda names: "ann" in names), second))
    writing = await until_writing(models, "endless")
    names = ("ann", "ben", "cy")
    told, *answers = await all_of(writing, *(ask(models, name) for name in names))
    assert isinstance(told, EngineStoppedError)
    assert answers == [3 * name for name in names]
    assert all(names == ["ann"] for _, names in second.passes if "ann" in names)
    await asyncio.to_thread(models.close)


async def test_a_model_that_only_dies_leaves_nobody_waiting():
    made = loader(*(dying(where="prefill", fails=lambda names: True) for _ in range(20)))
    models = managed(made)
    answers = await all_of(
        *(ask(models, name) for name in ("ann", "ben", "cy", "dora", "eve", "fred"))
    )
    assert all(isinstance(answer, EngineStoppedError | ModelLoadError) for answer in answers)
    await asyncio.to_thread(models.close)


def test_a_model_that_dies_often_without_an_answer_is_given_up():
    hosted = ModelEntry("nano", "none", "bundled")
    lives = [hosted.died("boom", answered=False, now=1.0, pause_s=5.0) for _ in range(MOST_DEATHS)]
    assert lives == [True] * (MOST_DEATHS - 1) + [False]
    assert "stopped 3 times in a row" in str(hosted.status.failure)
    assert isinstance(hosted.refusal(0.0), ModelLoadError)


def test_an_answer_between_two_deaths_counts():
    hosted = ModelEntry("nano", "none", "bundled")
    assert all(hosted.died("boom", answered=True, now=1.0, pause_s=5.0) for _ in range(9))


def test_after_a_death_it_rests_until_the_pause_is_over_and_no_other_load_does():
    hosted = ModelEntry("nano", "none", "bundled")
    hosted.ready(FakeLoaded(hosted), now=100.0)
    assert hosted.rest(101.0) == 0
    assert hosted.died("boom", answered=True, now=101.0, pause_s=5.0)
    assert (hosted.rest(101.0), hosted.rest(106.0), hosted.status.state) == (4.0, 0.0, "loading")


class FakeLoaded:
    def __init__(self, hosted: ModelEntry) -> None:
        self.info, self.device, self.memory_bytes, self.precision = hosted.status.info, "CPU", 1, ""
        self.runner = FaultyRunner()


async def test_the_dead_model_comes_before_the_one_that_others_wait_for():
    made = loader(dying(where="prefill", times=1, slots=2))
    models = manager(made, ONE, TWO, retry_after_s=0)
    writing = await until_writing(models, "endless")
    waiting = asyncio.create_task(ask(models, "ann"))
    await asyncio.sleep(0)
    other = asyncio.create_task(collect(models, asked("two", "hi", "other")))
    bad = asyncio.create_task(ask(models, "bad"))
    await all_of(writing)
    assert await all_of(waiting, bad) == ["annannann", "badbadbad"]
    assert text_of(await asyncio.wait_for(other, GUARD_S)) == "hi"
    await asyncio.to_thread(models.close)


async def test_an_abort_while_the_engine_is_replaced_is_kept():
    made = loader(dying(where="prefill", times=1, slots=2))
    models = managed(made)
    writing = await until_writing(models, "endless")
    stream = models.generate(request("abc", "abc"))
    await anext(stream)
    made.go.clear()
    bad = asyncio.create_task(ask(models, "bad"))
    await all_of(writing)
    models.abort("abc")
    assert [delta async for delta in stream][-1].finish_reason == "abort"
    made.go.set()
    assert await all_of(bad) == ["badbadbad"]
    await asyncio.to_thread(models.close)


async def test_closing_while_the_engine_is_replaced_hangs_nobody():
    made = loader(dying(where="prefill", times=1))
    models = managed(made)
    await all_of(ask(models, "ann"))
    made.go.clear()
    waiting = asyncio.create_task(ask(models, "bad"))
    await asyncio.to_thread(until, lambda: loads(made) == 2)
    models.close()
    made.go.set()
    assert isinstance(await asyncio.wait_for(waiting, GUARD_S), EngineStoppedError)
