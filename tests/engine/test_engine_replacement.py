"""A dead engine is replaced: requests without text get their answer from the next one."""

import asyncio
import logging
from threading import Event

import pytest
from fake_loader import FakeLoader
from faulty_runner import FaultyRunner
from generation import (
    GUARD_S,
    collect,
    content_of,
    gather_within_guard,
    make_request,
    wait_until,
)
from test_engine_core import ask
from test_model_manager import ONE, TWO, start_manager, wait_for_state

from webui.engine.loading.interface import LoadedModel
from webui.engine.manager.model_entry import MAX_DEATHS, ModelEntry
from webui.engine.manager.model_manager import ModelManager
from webui.errors import EngineStoppedError, ModelLoadError


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Log nothing: pytest would keep the tracebacks, and with them the memory of dead engines."""
    caplog.set_level(logging.CRITICAL)


def dying_runner(**faults) -> FaultyRunner:
    """Return a runner whose device dies of the first pass with the request "bad"."""
    return FaultyRunner(step_s=0.005, lethal=True, **faults)


def loader_of(*runners) -> FakeLoader:
    loader = FakeLoader(runners=list(runners), step_s=0.005)
    loader.may_load.set()
    return loader


def manager_of(loader: FakeLoader, **settings) -> ModelManager:
    return start_manager(loader, ONE, retry_after_s=0, **settings)


async def start_answer(manager: ModelManager, request_id: str) -> asyncio.Task:
    """Start a request, and wait for its first text. The task returns the error that ends it."""
    stream = manager.generate(make_request("abc", request_id, max_tokens=100_000))
    async for delta in stream:
        if delta.content:
            break

    async def read_rest() -> Exception | None:
        try:
            async for _ in stream:
                pass
        except EngineStoppedError as error:
            return error
        return None

    return asyncio.create_task(read_rest())


async def test_waiting_requests_are_answered_by_the_next_engine_and_begun_ones_fail():
    loader = loader_of(dying_runner(where="prefill", times=1, slots=2))
    manager = manager_of(loader)
    begun = await start_answer(manager, "endless")
    names = ("ann", "bad", "cy", "dora", "eve")
    error, *answers = await gather_within_guard(begun, *(ask(manager, name) for name in names))
    assert isinstance(error, EngineStoppedError)
    assert answers == [3 * name for name in names]
    assert loader.calls.count("load one") == 2
    assert loader.alive == [0, 0]
    await asyncio.to_thread(manager.close)


async def test_a_waiting_request_shows_a_load_and_no_error():
    manager = manager_of(loader_of(dying_runner(where="prefill", times=1, slots=2)))
    begun = await start_answer(manager, "endless")
    waiting = asyncio.create_task(collect(manager, make_request("abc", "abc")))
    await gather_within_guard(ask(manager, "bad"), begun)
    deltas = await asyncio.wait_for(waiting, GUARD_S)
    assert {delta.progress.phase for delta in deltas if delta.progress} >= {"loading", "answering"}
    assert content_of(deltas) == "abc"
    await asyncio.to_thread(manager.close)


async def test_a_request_that_kills_two_engines_fails_and_the_others_are_answered():
    loader = loader_of(*(dying_runner(where="prefill", slots=1) for _ in range(5)))
    manager = manager_of(loader)
    bad, *others = await gather_within_guard(*(ask(manager, name) for name in ("bad", "ann", "cy")))
    assert isinstance(bad, EngineStoppedError)
    assert "boom" in str(bad)
    assert others == ["annannann", "cycycy"]
    await asyncio.to_thread(manager.close)


@pytest.mark.parametrize("where", ["acquire_slot", "decode", "release_slot"])
async def test_wherever_the_engine_dies_the_next_request_is_answered(where):
    loader = loader_of(dying_runner(where=where, fails=lambda ids: True))
    manager = manager_of(loader)
    await asyncio.wait_for(ask(manager, "first"), GUARD_S)
    assert await asyncio.wait_for(ask(manager, "next"), GUARD_S) == "nextnextnext"
    assert loader.calls.count("load one") == 2
    await asyncio.to_thread(manager.close)


async def test_the_model_is_loaded_again_even_if_no_request_waits():
    loader = loader_of(dying_runner(where="decode", fails=lambda ids: True))
    manager = manager_of(loader)
    begun = await start_answer(manager, "endless")
    assert isinstance(await asyncio.wait_for(begun, GUARD_S), EngineStoppedError)
    await wait_until(
        lambda: loader.calls.count("load one") == 2 and manager.status().state == "ready"
    )
    assert loader.alive == [0, 0]
    await asyncio.to_thread(manager.close)


async def test_waiting_requests_fail_if_the_model_cannot_be_loaded_again():
    loader = loader_of(dying_runner(where="prefill", times=1, slots=2))
    manager = manager_of(loader)
    begun = await start_answer(manager, "endless")
    loader.broken.add(ONE)
    error, *answers = await gather_within_guard(
        begun, *(ask(manager, name) for name in ("bad", "ann", "cy"))
    )
    assert isinstance(error, EngineStoppedError)
    assert all(isinstance(answer, ModelLoadError) for answer in answers)
    assert "start it again" in str(answers[0])
    await asyncio.to_thread(manager.close)


async def test_a_request_that_an_engine_may_have_died_of_is_retried_apart_from_others():
    second = FaultyRunner(step_s=0.005)
    first = dying_runner(where="prefill", fails=lambda ids: "ann" in ids)
    manager = manager_of(loader_of(first, second))
    begun = await start_answer(manager, "endless")
    names = ("ann", "ben", "cy")
    error, *answers = await gather_within_guard(begun, *(ask(manager, name) for name in names))
    assert isinstance(error, EngineStoppedError)
    assert answers == [3 * name for name in names]
    assert all(ids == ["ann"] for _, ids in second.passes if "ann" in ids)
    await asyncio.to_thread(manager.close)


@pytest.mark.slow
async def test_a_model_whose_engines_all_die_leaves_no_request_waiting():
    runners = [dying_runner(where="prefill", fails=lambda ids: True) for _ in range(20)]
    manager = manager_of(loader_of(*runners))
    names = ("ann", "ben", "cy", "dora", "eve", "fred")
    answers = await gather_within_guard(*(ask(manager, name) for name in names))
    assert all(isinstance(answer, EngineStoppedError | ModelLoadError) for answer in answers)
    await asyncio.to_thread(manager.close)


def make_entry() -> ModelEntry:
    return ModelEntry("nano", "none", "bundled")


def test_a_model_is_given_up_after_several_deaths_without_an_answer():
    entry = make_entry()
    reloads = [
        entry.record_death("boom", has_answered=False, now=1.0, pause_s=5.0)
        for _ in range(MAX_DEATHS)
    ]
    assert reloads == [True] * (MAX_DEATHS - 1) + [False]
    assert "stopped 3 times in a row" in str(entry.status.failure)
    assert isinstance(entry.failure_since(0.0), ModelLoadError)


def test_an_answer_between_two_deaths_starts_the_count_again():
    entry = make_entry()
    assert all(
        entry.record_death("boom", has_answered=True, now=1.0, pause_s=5.0) for _ in range(9)
    )


def test_only_after_a_death_a_load_waits_for_the_pause():
    entry = make_entry()
    entry.set_ready(LoadedModel(None, entry.status.info, "CPU", 1, 4), now=100.0)
    assert entry.seconds_to_reload(101.0) == 0
    assert entry.record_death("boom", has_answered=True, now=101.0, pause_s=5.0)
    assert (entry.seconds_to_reload(101.0), entry.seconds_to_reload(106.0)) == (4.0, 0.0)
    assert entry.status.state == "loading"


async def test_the_dead_model_is_loaded_before_the_one_that_others_wait_for():
    other_is_queued = Event()
    runner = dying_runner(
        where="prefill", times=1, fails=lambda ids: "bad" in ids and other_is_queued.wait(GUARD_S)
    )
    loader = loader_of(runner)
    loader.remote.add(TWO)
    manager = start_manager(loader, ONE, TWO, retry_after_s=0)
    begun = await start_answer(manager, "endless")
    bad = asyncio.create_task(ask(manager, "bad"))
    await wait_until(lambda: any("bad" in ids for _, ids in runner.passes))
    other = asyncio.create_task(collect(manager, make_request("hi", "other", "two")))
    await wait_for_state(manager, "loading", "two")
    loader.may_download.set()
    await wait_for_state(manager, "unloaded", "two")
    other_is_queued.set()
    await asyncio.wait_for(begun, GUARD_S)
    assert await asyncio.wait_for(bad, GUARD_S) == "badbadbad"
    assert content_of(await asyncio.wait_for(other, GUARD_S)) == "hi"
    assert [call for call in loader.calls if call != "free"] == ["load one", "load one", "load two"]
    await asyncio.to_thread(manager.close)


async def test_an_abort_while_the_engine_is_replaced_is_kept():
    loader = loader_of(dying_runner(where="prefill", times=1, slots=2))
    manager = manager_of(loader)
    begun = await start_answer(manager, "endless")
    stream = manager.generate(make_request("abc", "abc"))
    await anext(stream)
    loader.may_load.clear()
    bad = asyncio.create_task(ask(manager, "bad"))
    await asyncio.wait_for(begun, GUARD_S)
    manager.abort("abc")
    assert [delta async for delta in stream][-1].finish_reason == "abort"
    loader.may_load.set()
    assert await asyncio.wait_for(bad, GUARD_S) == "badbadbad"
    await asyncio.to_thread(manager.close)


async def test_close_while_the_engine_is_replaced_ends_waiting_requests():
    loader = loader_of(dying_runner(where="prefill", times=1))
    manager = manager_of(loader)
    await asyncio.wait_for(ask(manager, "ann"), GUARD_S)
    loader.may_load.clear()
    waiting = asyncio.create_task(ask(manager, "bad"))
    await wait_until(lambda: loader.calls.count("load one") == 2)
    manager.close()
    loader.may_load.set()
    assert isinstance(await asyncio.wait_for(waiting, GUARD_S), EngineStoppedError)
