"""Files of one model are fetched while another answers, and what a failed fetch costs."""

import asyncio

import pytest
from test_engine import collect, text_of
from test_model_manager import BUNDLED, ONE, TWO, asked, manager, ready, settled

from webui.engine.loading.catalog import FLAGSHIP
from webui.errors import EngineStoppedError, ModelLoadError
from webui.protocol import Progress


async def test_while_files_are_fetched_the_model_that_is_there_goes_on_answering():
    loader = ready(far={TWO})
    made = manager(loader, ONE, TWO)
    assert text_of(await collect(made, asked("one"))) == "hi"
    waiting = asyncio.create_task(collect(made, asked("two", "far", "far")))
    await asyncio.to_thread(settled, made, "loading", "two")
    assert made.status("two").progress == Progress("loading", 3, 9)
    for name in "bcd":
        assert text_of(await collect(made, asked("one", "near", name))) == "near"
    assert made.status("one").state == "ready"
    assert not waiting.done()
    loader.arrived.set()
    assert text_of(await waiting) == "far"
    assert (made.status("one").state, made.status("two").state) == ("unloaded", "ready")
    made.close()


async def test_files_that_cannot_be_had_cost_nobody_the_model_that_is_there():
    loader = ready(lost={TWO})
    made = manager(loader, ONE, TWO, retry_after_s=0)
    assert text_of(await collect(made, asked("one"))) == "hi"
    with pytest.raises(ModelLoadError, match="cannot be reached"):
        await collect(made, asked("two", name="b"))
    assert (made.status("one").state, made.status("two").state) == ("ready", "failed")
    assert loader.diary == ["load one"]
    loader.lost.clear()
    assert text_of(await collect(made, asked("two", name="c"))) == "hi"
    made.close()


async def test_files_that_nobody_waits_for_any_more_unload_nothing():
    loader = ready(far={TWO})
    made = manager(loader, ONE, TWO)
    waiting = asyncio.create_task(collect(made, asked("two")))
    await asyncio.to_thread(settled, made, "loading", "two")
    made.abort("a")
    await waiting
    made.prepare("two")
    made.prepare("one")
    loader.arrived.set()
    await asyncio.to_thread(settled, made, "unloaded", "two")
    assert made.status("one").state == "ready"
    assert loader.diary == ["load one"]
    made.close()


async def test_closing_ends_who_waits_for_files():
    loader = ready(far={ONE})
    made = manager(loader, ONE)
    waiting = asyncio.create_task(collect(made, asked("one")))
    await asyncio.to_thread(settled, made, "loading", "one")
    made.close()
    loader.arrived.set()
    with pytest.raises(EngineStoppedError):
        await waiting


def test_auto_falls_back_when_the_files_cannot_be_had():
    loader = ready(lost={FLAGSHIP.source}, gpu=40 * 10**9)
    made = manager(loader, "auto")
    settled(made, "ready")
    assert [choice.source for choice in loader.seen] == [str(BUNDLED)]
    assert "cannot be reached" in str(made.status().notice)
    made.close()
