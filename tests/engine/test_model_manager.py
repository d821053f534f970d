"""Several models behind one engine: queueing, progress, swaps, failures and fallbacks."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from fake_loader import FakeLoader
from fakes import FakeEngine
from generation import collect, content_of, make_request, wait_until

from webui.engine.loading.catalog import FLAGSHIP
from webui.engine.manager.model_manager import ModelManager
from webui.errors import EngineStoppedError, InvalidFieldError, ModelLoadError, SettingsError
from webui.protocol import Progress, Usage

BUNDLED = Path("bundled")
ONE, TWO = "some/one", "some/two"
GPU_BYTES = 40 * 10**9


def start_manager(loader: FakeLoader, *models: str, **settings) -> ModelManager:
    models = models or ("nano",)
    manager = ModelManager(models, quantization="none", bundled=BUNDLED, loader=loader, **settings)
    manager.start()
    return manager


def ready_loader(**settings) -> FakeLoader:
    """Return a loader that loads at once."""
    loader = FakeLoader(**settings)
    loader.may_load.set()
    return loader


async def wait_for_state(manager: ModelManager, state: str, name: str = "") -> None:
    await wait_until(lambda: manager.status(name).state == state)


async def first_delta(stream):
    """Return the first delta. By then, the request is in the inbox of the model thread."""
    return await anext(stream)


async def rest_of(stream) -> str:
    return content_of([delta async for delta in stream])


async def test_a_request_waits_for_the_model_and_reports_its_progress():
    loader = FakeLoader()
    manager = start_manager(loader)
    stream = manager.generate(make_request("hi"))
    assert (await anext(stream)).progress.phase == "loading"
    await asyncio.to_thread(loader.loading.wait)
    assert (await anext(stream)).progress == Progress("loading", 1, 2)
    loader.may_load.set()
    assert await rest_of(stream) == "hi"
    await asyncio.to_thread(manager.close)


@pytest.mark.parametrize("reason", ["abort", "stop"])
async def test_a_request_can_be_finished_while_the_model_loads(reason):
    loader = FakeLoader()
    manager = start_manager(loader)
    stream = manager.generate(make_request("hi", "x"))
    await anext(stream)
    manager.finish("x", reason)
    manager.finish("x", "length")
    last = await anext(stream)
    assert (last.finish_reason, last.usage) == (reason, Usage(0, 0))
    assert [delta async for delta in stream] == []
    loader.may_load.set()
    assert content_of(await collect(manager, make_request("ho", "y"))) == "ho"
    manager.close()


async def test_a_running_request_can_be_finished():
    manager = start_manager(ready_loader(step_s=0.001))
    deltas = []
    async for delta in manager.generate(make_request("abc", "endless", max_tokens=900)):
        deltas.append(delta)
        if delta.content:
            manager.finish("endless", "stop")
    assert deltas[-1].finish_reason == "stop"
    assert 0 < deltas[-1].usage.completion_tokens < 900
    manager.close()


async def test_finish_and_abort_ignore_unknown_ids():
    manager = start_manager(ready_loader())
    manager.finish("unknown", "stop")
    manager.abort("unknown")
    assert content_of(await collect(manager, make_request("hi", "unknown"))) == "hi"
    manager.close()


async def test_a_number_out_of_range_is_refused_before_anything_loads():
    manager = start_manager(FakeLoader())
    with pytest.raises(InvalidFieldError, match="repetition_penalty"):
        await collect(manager, make_request("hi", repetition_penalty=1e-39))
    manager.close()


async def test_a_request_loads_the_model_it_names():
    loader = ready_loader()
    manager = start_manager(loader, ONE, TWO)
    assert content_of(await collect(manager, make_request("hi", model_name="two"))) == "hi"
    assert (manager.status("one").state, manager.status("two").state) == ("unloaded", "ready")
    assert content_of(await collect(manager, make_request("hi", "b"))) == "hi"
    assert [status.info.name for status in manager.statuses()] == ["one", "two"]
    assert loader.calls == ["load one", "free", "load two", "free", "load one"]
    assert loader.alive == [0, 0, 0]
    manager.close()


async def test_a_model_may_be_served_by_another_kind_of_engine():
    remote = FakeEngine()
    manager = start_manager(ready_loader(engines={TWO: remote}), ONE, TWO)
    assert content_of(await collect(manager, make_request("hi", "a", "one"))) == "hi"
    answer = await collect(manager, make_request("hi", "b", "two"))
    assert content_of(answer) == "A red circle."
    assert (manager.status("two").device, manager.status("two").slots) == ("elsewhere", 9)
    manager.answer_now("b")
    assert remote.answer_now_requested == {"b"}
    assert content_of(await collect(manager, make_request("hi", "c", "one"))) == "hi"
    assert remote.closed
    manager.close()


async def test_a_running_request_finishes_before_a_switch_and_later_ones_queue_behind_it():
    loader = ready_loader(remote={TWO}, step_s=0.001)
    manager = start_manager(loader, ONE, TWO)
    ended = []

    async def read(name, stream):
        text = await rest_of(stream)
        ended.append(name)
        return text

    running = manager.generate(make_request("abc", "endless", "one", max_tokens=900))
    async for delta in running:
        if delta.content:
            break
    switch = manager.generate(make_request("two", "switch", "two"))
    await first_delta(switch)
    await wait_for_state(manager, "loading", "two")
    loader.may_download.set()
    # Its files are there, so it waits in the queue, while the running request goes on.
    await wait_for_state(manager, "unloaded", "two")
    late = manager.generate(make_request("late", "late", "one"))
    await first_delta(late)
    manager.finish("endless", "stop")
    texts = await asyncio.gather(
        read("running", running), read("switch", switch), read("late", late)
    )
    assert texts[1:] == ["two", "late"]
    assert ended == ["running", "switch", "late"]
    assert [call for call in loader.calls if call != "free"] == ["load one", "load two", "load one"]
    manager.close()


async def test_all_that_wait_for_a_model_are_admitted_when_it_is_loaded():
    loader = FakeLoader()
    manager = start_manager(loader, ONE, TWO)
    names = ["one", "two"] * 5
    streams = [
        manager.generate(make_request(name, f"{number}", name)) for number, name in enumerate(names)
    ]
    for stream in streams:
        await first_delta(stream)
    loader.may_load.set()
    assert await asyncio.gather(*map(rest_of, streams)) == names
    assert [call for call in loader.calls if call != "free"] == ["load one", "load two"]
    manager.close()


async def test_of_several_picks_in_the_menu_only_the_newest_is_loaded():
    loader = FakeLoader()
    manager = start_manager(loader, ONE, TWO, "some/three")
    for name in ("two", "one", "three"):
        manager.prepare(name)
    loader.may_load.set()
    await wait_for_state(manager, "ready", "three")
    assert "load two" not in loader.calls
    manager.close()


async def test_an_idle_model_is_unloaded_and_loaded_again():
    loader = ready_loader()
    manager = start_manager(loader, ONE, idle_s=0.05)
    await wait_until(lambda: loader.calls == ["load one", "free"])
    assert manager.status().state == "unloaded"
    assert manager.status().served
    assert content_of(await collect(manager, make_request("hi"))) == "hi"
    await wait_until(lambda: loader.calls == ["load one", "free"] * 2)
    manager.close()


async def test_a_model_with_a_running_request_is_not_idle():
    loader = FakeLoader(step_s=0.01)
    manager = start_manager(loader, ONE, idle_s=0.05)
    stream = manager.generate(make_request("x" * 30))
    await first_delta(stream)
    loader.may_load.set()
    assert await rest_of(stream) == "x" * 30
    assert loader.calls == ["load one"]
    await asyncio.to_thread(manager.close)


async def test_a_reader_that_leaves_does_not_delay_the_next_model():
    loader = ready_loader(step_s=0.001)
    manager = start_manager(loader, ONE, TWO)
    request = make_request("x" * 900, "endless", "one", max_tokens=900)
    async with aclosing(manager.generate(request)) as stream:
        async for delta in stream:
            if delta.content:
                break
    assert content_of(await collect(manager, make_request("hi", model_name="two"))) == "hi"
    assert loader.alive == [0, 0]
    manager.close()


async def test_a_failed_load_fails_its_requests_and_can_be_repeated():
    loader = ready_loader(broken={ONE})
    manager = start_manager(loader, ONE, retry_after_s=0)
    with pytest.raises(ModelLoadError, match="cannot be reached"):
        await collect(manager, make_request("hi"))
    assert manager.status().state == "failed"
    assert "cannot be reached" in str(manager.status().failure)
    loader.broken.clear()
    assert content_of(await collect(manager, make_request("hi"))) == "hi"
    assert manager.status().state == "ready"
    manager.close()


async def test_many_requests_after_a_failure_cause_one_load():
    loader = ready_loader(broken={ONE})
    manager = start_manager(loader, ONE)
    for name in "abc":
        with pytest.raises(ModelLoadError):
            await collect(manager, make_request("hi", name))
    assert loader.calls.count("load one") == 1
    manager.close()


async def test_a_broken_model_leaves_the_other_one_usable():
    manager = start_manager(ready_loader(broken={TWO}), ONE, TWO)
    with pytest.raises(ModelLoadError):
        await collect(manager, make_request("hi", model_name="two"))
    assert content_of(await collect(manager, make_request("hi", model_name="one"))) == "hi"
    assert [status.state for status in manager.statuses()] == ["ready", "failed"]
    manager.close()


async def test_close_ends_waiting_and_later_requests():
    loader = FakeLoader()
    manager = start_manager(loader, ONE)
    waiting = manager.generate(make_request("hi"))
    await first_delta(waiting)
    manager.close()
    loader.may_load.set()
    with pytest.raises(EngineStoppedError):
        await rest_of(waiting)
    with pytest.raises(EngineStoppedError):
        await collect(manager, make_request("hi", "b"))


async def test_auto_falls_back_to_the_bundled_model_with_a_notice():
    loader = ready_loader(broken={FLAGSHIP.source}, gpu_bytes=GPU_BYTES)
    manager = start_manager(loader, "auto")
    await wait_for_state(manager, "ready")
    assert [choice.source for choice in loader.choices] == [FLAGSHIP.source, str(BUNDLED)]
    assert "cannot be reached" in str(manager.status().notice)
    manager.close()


async def test_a_model_requested_by_name_does_not_fall_back():
    loader = ready_loader(broken={FLAGSHIP.source}, gpu_bytes=GPU_BYTES)
    manager = start_manager(loader, FLAGSHIP.source)
    await wait_for_state(manager, "failed")
    manager.close()


async def test_two_names_of_one_model_have_one_status():
    manager = start_manager(ready_loader(), "auto", "nano")
    await wait_for_state(manager, "ready")
    assert [status.info.name for status in manager.statuses()] == ["glm4v-nano"]
    manager.close()


def test_two_models_of_one_name_are_refused():
    with pytest.raises(SettingsError, match="one model called model"):
        start_manager(FakeLoader(), "a/model", "b/model")
