"""The files of one model are downloaded while another model answers."""

import pytest
from fake_loader import FakeLoader
from generation import collect, content_of, make_request, wait_until
from test_model_manager import (
    BUNDLED,
    GPU_BYTES,
    ONE,
    TWO,
    first_delta,
    ready_loader,
    rest_of,
    start_manager,
    wait_for_state,
)

from webui.engine.loading.catalog import FLAGSHIP
from webui.errors import EngineStoppedError, ModelLoadError
from webui.protocol import Progress


async def test_the_loaded_model_answers_during_a_download():
    loader = ready_loader(remote={TWO})
    manager = start_manager(loader, ONE, TWO)
    assert content_of(await collect(manager, make_request("hi", model_name="one"))) == "hi"
    waiting = manager.generate(make_request("far", "far", "two"))
    await first_delta(waiting)
    await wait_until(lambda: manager.status("two").progress == Progress("loading", 3, 9))
    assert (await anext(waiting)).progress == Progress("loading", 3, 9)
    for name in "bcd":
        assert content_of(await collect(manager, make_request("near", name, "one"))) == "near"
    assert manager.status("one").state == "ready"
    loader.may_download.set()
    assert await rest_of(waiting) == "far"
    assert (manager.status("one").state, manager.status("two").state) == ("unloaded", "ready")
    manager.close()


async def test_a_failed_download_leaves_the_loaded_model_alone():
    loader = ready_loader(missing={TWO})
    manager = start_manager(loader, ONE, TWO, retry_after_s=0)
    assert content_of(await collect(manager, make_request("hi", model_name="one"))) == "hi"
    with pytest.raises(ModelLoadError, match="cannot be reached"):
        await collect(manager, make_request("hi", "b", "two"))
    assert (manager.status("one").state, manager.status("two").state) == ("ready", "failed")
    assert loader.calls == ["load one"]
    loader.missing.clear()
    assert content_of(await collect(manager, make_request("hi", "c", "two"))) == "hi"
    manager.close()


async def test_a_download_that_no_request_waits_for_unloads_nothing():
    loader = ready_loader(remote={TWO})
    manager = start_manager(loader, ONE, TWO)
    waiting = manager.generate(make_request("hi", "a", "two"))
    await first_delta(waiting)
    await wait_for_state(manager, "loading", "two")
    manager.abort("a")
    assert await rest_of(waiting) == ""
    manager.prepare("two")
    manager.prepare("one")
    loader.may_download.set()
    await wait_for_state(manager, "unloaded", "two")
    await wait_for_state(manager, "ready", "one")
    assert loader.calls == ["load one"]
    manager.close()


async def test_close_ends_requests_that_wait_for_files():
    loader = ready_loader(remote={ONE})
    manager = start_manager(loader, ONE)
    waiting = manager.generate(make_request("hi", model_name="one"))
    await first_delta(waiting)
    await wait_for_state(manager, "loading", "one")
    manager.close()
    loader.may_download.set()
    with pytest.raises(EngineStoppedError):
        await rest_of(waiting)


async def test_auto_falls_back_if_the_download_fails():
    loader: FakeLoader = ready_loader(missing={FLAGSHIP.source}, gpu_bytes=GPU_BYTES)
    manager = start_manager(loader, "auto")
    await wait_for_state(manager, "ready")
    assert [choice.source for choice in loader.choices] == [str(BUNDLED)]
    assert "cannot be reached" in str(manager.status().notice)
    manager.close()
