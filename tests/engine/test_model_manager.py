"""Several models behind one engine: whose turn it is, what is told meanwhile, and what a failure does."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import pytest
from fake_loader import FakeLoader
from test_engine import collect, request, text_of

from webui.engine.loading.catalog import FLAGSHIP
from webui.engine.manager.model_manager import ModelManager
from webui.errors import EngineStoppedError, InvalidFieldError, ModelLoadError, SettingsError
from webui.protocol import Progress

BUNDLED = Path("bundled")
ONE, TWO = "some/one", "some/two"


def manager(loader: FakeLoader, *models: str, **settings) -> ModelManager:
    made = ModelManager(
        models or ("nano",), quantization="none", bundled=BUNDLED, loader=loader, **settings
    )
    made.start()
    return made


def ready(**settings) -> FakeLoader:
    loader = FakeLoader(**settings)
    loader.go.set()
    return loader


def settled(made: ModelManager, state: str, name: str = "") -> None:
    end = monotonic() + 10
    while made.status(name).state != state and monotonic() < end:
        sleep(0.01)
    assert made.status(name).state == state


def asked(model: str, text: str = "hi", name: str = "a", **sampling):
    return replace(request(text, name, **sampling), model_name=model)


async def test_a_request_waits_for_the_model_and_is_told_how_far_it_is():
    loader = FakeLoader()
    made = manager(loader)
    stream = made.generate(request("hi"))
    first = await anext(stream)
    assert (await anext(stream)).progress == Progress("loading", 1, 2)
    loader.go.set()
    assert first.progress.phase == "loading"
    assert text_of([delta async for delta in stream]) == "hi"
    await asyncio.to_thread(made.close)


async def test_a_request_can_be_stopped_while_the_model_loads():
    loader = FakeLoader()
    made = manager(loader)
    stream = made.generate(request("hi", "x"))
    await anext(stream)
    made.abort("x")
    assert (await anext(stream)).finish_reason == "abort"
    assert [delta async for delta in stream] == []
    loader.go.set()
    assert text_of(await collect(made, request("ho", "y"))) == "ho"
    made.close()


async def test_a_number_out_of_range_is_refused_before_anything_loads():
    made = manager(FakeLoader())
    with pytest.raises(InvalidFieldError, match="repetition_penalty"):
        await collect(made, request("hi", repetition_penalty=1e-39))
    made.close()


async def test_a_request_loads_the_model_it_names():
    loader = ready()
    made = manager(loader, ONE, TWO)
    assert text_of(await collect(made, asked("two"))) == "hi"
    assert (made.status("one").state, made.status("two").state) == ("unloaded", "ready")
    assert text_of(await collect(made, asked("", name="b"))) == "hi"
    assert [status.info.name for status in made.statuses()] == ["one", "two"]
    assert loader.diary == ["load one", "free", "load two", "free", "load one"]
    assert loader.alive == [0, 0, 0]
    made.close()


async def test_what_runs_ends_first_and_whoever_comes_later_waits_behind():
    loader = ready(step_s=0.005)
    made = manager(loader, ONE, TWO)
    ended = []

    async def ask(model, name, text):
        assert text_of(await collect(made, asked(model, text, name))) == text
        ended.append(name)

    running = asyncio.create_task(ask("one", "running", "x" * 40))
    await asyncio.to_thread(settled, made, "ready", "one")
    await asyncio.sleep(0.05)
    other = asyncio.create_task(ask("two", "other", "y" * 20))
    await asyncio.sleep(0.02)
    late = asyncio.create_task(ask("one", "late", "z"))
    await asyncio.gather(running, other, late)
    assert ended == ["running", "other", "late"]
    assert [line for line in loader.diary if line != "free"] == ["load one", "load two", "load one"]
    made.close()


async def test_everyone_who_waits_for_a_model_enters_when_it_comes():
    loader = FakeLoader()
    made = manager(loader, ONE, TWO)
    names = ["one", "two"] * 5
    asking = [
        asyncio.create_task(collect(made, asked(name, name, str(i))))
        for i, name in enumerate(names)
    ]
    await asyncio.sleep(0.05)
    loader.go.set()
    assert [text_of(await answer) for answer in asking] == names
    assert [line for line in loader.diary if line != "free"] == ["load one", "load two"]
    made.close()


def test_a_pick_in_the_menu_loads_and_only_the_newest_counts():
    loader = FakeLoader()
    made = manager(loader, ONE, TWO, "some/three")
    for name in ("two", "one", "three"):
        made.prepare(name)
    loader.go.set()
    settled(made, "ready", "three")
    assert "load two" not in loader.diary
    made.close()


async def test_an_idle_model_is_unloaded_and_comes_back():
    loader = ready()
    made = manager(loader, ONE, idle_s=0.05)
    await asyncio.to_thread(settled, made, "ready")
    await asyncio.to_thread(settled, made, "unloaded")
    assert made.status().served
    assert text_of(await collect(made, request("hi"))) == "hi"
    await asyncio.to_thread(settled, made, "unloaded")
    assert loader.diary == ["load one", "free"] * 2
    made.close()


async def test_a_running_answer_is_not_idle():
    loader = ready(step_s=0.01)
    made = manager(loader, ONE, idle_s=0.05)
    assert text_of(await collect(made, request("x" * 30))) == "x" * 30
    assert loader.diary == ["load one"]
    await asyncio.to_thread(made.close)


async def test_a_reader_who_leaves_does_not_hold_up_the_next_model():
    loader = ready(step_s=0.001)
    made = manager(loader, ONE, TWO)
    async with aclosing(
        made.generate(asked("one", "x" * 900, "endless", max_tokens=900))
    ) as stream:
        async for delta in stream:
            if delta.content:
                break
    assert text_of(await collect(made, asked("two"))) == "hi"
    assert loader.alive == [0, 0]
    made.close()


async def test_a_failed_load_is_a_state_and_an_answer_from_which_the_next_try_works():
    loader = ready(broken={ONE})
    made = manager(loader, ONE, retry_after_s=0)
    with pytest.raises(ModelLoadError, match="cannot be reached"):
        await collect(made, request("hi"))
    assert made.status().state == "failed"
    assert "cannot be reached" in str(made.status().failure)
    loader.broken.clear()
    assert text_of(await collect(made, request("hi"))) == "hi"
    assert made.status().state == "ready"
    made.close()


async def test_a_flood_after_a_failure_starts_no_load_each():
    loader = ready(broken={ONE})
    made = manager(loader, ONE)
    for name in "abc":
        with pytest.raises(ModelLoadError):
            await collect(made, request("hi", name))
    assert loader.diary.count("load one") == 1
    made.abort("x")
    made.close()


async def test_one_broken_model_leaves_the_other_usable():
    made = manager(ready(broken={TWO}), ONE, TWO)
    with pytest.raises(ModelLoadError):
        await collect(made, asked("two"))
    assert text_of(await collect(made, asked("one"))) == "hi"
    assert [status.state for status in made.statuses()] == ["ready", "failed"]
    made.close()


async def test_closing_ends_who_waits_and_who_comes():
    loader = FakeLoader()
    made = manager(loader, ONE)
    waiting = asyncio.create_task(collect(made, request("hi")))
    await asyncio.sleep(0.05)
    made.close()
    loader.go.set()
    with pytest.raises(EngineStoppedError):
        await waiting
    with pytest.raises(EngineStoppedError):
        await collect(made, request("hi", "b"))


def test_auto_falls_back_to_the_bundled_model_and_says_so():
    loader = ready(broken={FLAGSHIP.source}, gpu=40 * 10**9)
    made = manager(loader, "auto")
    settled(made, "ready")
    assert [choice.source for choice in loader.seen] == [FLAGSHIP.source, str(BUNDLED)]
    assert "cannot be reached" in str(made.status().notice)
    made.close()


def test_a_model_asked_for_by_name_never_falls_back():
    made = manager(ready(broken={FLAGSHIP.source}, gpu=40 * 10**9), FLAGSHIP.source)
    settled(made, "failed")
    made.close()


def test_names_that_mean_the_same_model_are_told_once():
    made = manager(ready(), "auto", "nano")
    settled(made, "ready")
    assert [status.info.name for status in made.statuses()] == ["glm4v-nano"]
    made.close()


def test_two_models_of_one_name_are_refused():
    with pytest.raises(SettingsError, match="one model called model"):
        manager(FakeLoader(), "a/model", "b/model")
