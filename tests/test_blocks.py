from pathlib import Path

import gradio as gr
from fake_reader import FakeReader
from fakes import FakeEngine

from webui.protocol import ModelInfo, ModelStatus, Progress
from webui.ui.blocks import build_ui
from webui.ui.header import banner_html, status_html
from webui.ui.look import HEAD, STYLESHEET, theme
from webui.ui.strings import Strings

# The tests that build a page are async: outside a loop Gradio makes one of its own and never closes it.
EXAMPLES = Path(__file__).resolve().parents[1] / "assets" / "examples"
EN = Strings("en")
NANO = ModelInfo("glm4v-nano", 8192, bundled=True)


def page():
    return build_ui(FakeEngine(), FakeReader(), examples=EXAMPLES)


async def test_the_page_has_six_tabs_in_their_order():
    tabs = [block.label for block in page().blocks.values() if isinstance(block, gr.Tab)]
    assert tabs == ["Thinking", "Chat", "Image", "Video", "PDF", "PPT"]


async def test_nothing_of_the_page_is_a_public_endpoint():
    assert {fn.api_visibility for fn in page().fns.values()} == {"private"}


async def test_building_the_page_asks_the_model_nothing():
    engine = FakeEngine()
    build_ui(engine, FakeReader(), examples=EXAMPLES)
    assert engine.requests == []


async def test_many_answers_may_run_at_once():
    answering = [fn for fn in page().fns.values() if fn.concurrency_id == "answering"]
    assert len(answering) >= 6 * 2
    assert {fn.concurrency_limit for fn in answering} == {64}


async def test_two_visitors_begin_with_conversations_of_their_own():
    states = [block for block in page().blocks.values() if isinstance(block, gr.State)]
    assert len({id(state.value) for state in states}) == len(states)


def test_the_header_tells_how_the_model_is():
    loading = ModelStatus("loading", NANO, Progress("loading", 512 * 1024**2, 1024**3))
    assert "50% · 512 MB of 1 GB" in status_html(loading, EN)
    assert "ready · CPU · 10 MB memory" in status_html(ModelStatus("ready", NANO, None, "CPU", 10 * 1024**2), EN)
    assert "failed · no &lt;file&gt;" in status_html(ModelStatus("failed", NANO, reason="no <file>"), EN)


def test_the_banner_is_there_only_when_there_is_something_to_tell():
    assert banner_html(ModelStatus("ready", ModelInfo("GLM", 8192)), EN) == ""
    assert "--quantization 4bit" in banner_html(ModelStatus("ready", NANO), EN)
    assert "no hub" in banner_html(ModelStatus("ready", ModelInfo("GLM", 8192), notice="no hub"), EN)


def test_the_looks_are_there():
    assert STYLESHEET.is_file()
    assert "<script>" in HEAD
    assert "http" not in "".join(theme()._stylesheets)
