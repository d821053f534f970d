from dataclasses import replace
from pathlib import Path

import gradio as gr
from fake_reader import FakeReader
from fakes import FakeEngine

from webui.errors import ModelLoadError
from webui.protocol import ModelInfo, ModelStatus, Progress, SamplingParams
from webui.reasons import HubUnreachable, Unexpected
from webui.ui.header.model_menu import ModelMenu
from webui.ui.header.status import banner_html, status_html
from webui.ui.i18n.strings import Strings
from webui.ui.page import build_ui
from webui.ui.page_sessions import PageSessions

# Tests that build a page are async: outside an event loop, Gradio makes one and never closes it.
EXAMPLES = Path(__file__).resolve().parents[2] / "assets" / "examples"
EN = Strings("en")
NANO = ModelInfo("glm4v-nano", 8192, bundled=True)


def page():
    return build_ui(FakeEngine(), FakeReader(), examples=EXAMPLES)


async def test_the_page_has_six_tabs_in_their_order():
    tabs = [block.label for block in page().blocks.values() if isinstance(block, gr.Tab)]
    assert tabs == ["Thinking", "Chat", "Image", "Video", "PDF", "PPT"]


async def test_nothing_of_the_page_is_a_public_endpoint():
    assert {fn.api_visibility for fn in page().fns.values()} == {"private"}


async def test_building_the_page_sends_no_request():
    engine = FakeEngine()
    build_ui(engine, FakeReader(), examples=EXAMPLES)
    assert engine.requests == []


async def test_many_answers_may_run_at_once():
    answering = [fn for fn in page().fns.values() if fn.concurrency_id == "answering"]
    assert len(answering) >= 6 * 2
    assert {fn.concurrency_limit for fn in answering} == {64}


async def test_each_user_begins_with_a_conversation_of_their_own():
    states = [block for block in page().blocks.values() if isinstance(block, gr.State)]
    assert len({id(state.value) for state in states}) == len(states)


async def test_the_controls_show_the_sampling_that_the_chosen_model_recommends():
    warm = SamplingParams(temperature=0.3, top_p=0.9, top_k=40, repetition_penalty=1.0)
    small = ModelInfo("small", 8192, sampling=warm)
    large = ModelInfo("large", 8192, sampling=replace(warm, top_k=5, max_tokens=77))
    engine = FakeEngine(
        model_status=ModelStatus("ready", small), others=(ModelStatus("unloaded", large),)
    )
    demo = build_ui(engine, FakeReader(), examples=EXAMPLES)
    [recommend] = [fn for fn in demo.fns.values() if len(fn.outputs) == 1 + 6 * 5]
    assert {event for _, event in recommend.targets} == {"load", "input"}
    assert [control.value for control in recommend.outputs[1:6]] == [0.3, 0.9, 40, 1.0, 8192]
    chosen, *updates = recommend.fn("large", warm)
    assert chosen == large.sampling
    # The other controls stay as the user left them.
    assert updates == [gr.skip(), gr.skip(), 5, gr.skip(), 77] * 6
    assert recommend.fn("large", chosen)[1:] == [gr.skip()] * 30


async def test_a_recommendation_beyond_a_control_shows_its_limit():
    cold = ModelInfo("cold", 8192, sampling=SamplingParams(repetition_penalty=0.9, top_k=500))
    engine = FakeEngine(model_status=ModelStatus("ready", cold))
    demo = build_ui(engine, FakeReader(), examples=EXAMPLES)
    [recommend] = [fn for fn in demo.fns.values() if len(fn.outputs) == 1 + 6 * 5]
    assert [control.value for control in recommend.outputs[1:6]] == [0.8, 0.6, 100, 1, 8192]


def test_the_header_shows_the_status_of_the_model():
    loading = ModelStatus("loading", NANO, Progress("loading", 512 * 1024**2, 1024**3))
    assert "50% · 512 MB of 1 GB<" in status_html(loading, EN)
    assert "50% · 512 MB of 1 GB · 12 min left" in status_html(replace(loading, left_s=700), EN)
    assert "还剩 45 秒" in status_html(replace(loading, left_s=45), Strings("zh"))
    assert "ready · CPU · 10 MB memory" in status_html(
        ModelStatus("ready", NANO, None, "CPU", 10 * 1024**2), EN
    )
    planned = ModelStatus(
        "ready",
        ModelInfo("GLM", 16_384),
        None,
        "NVIDIA L4",
        8 * 1024**3,
        precision="4 bit",
        slots=17,
    )
    assert "ready · NVIDIA L4 · 4 bit · 17 × 16,384 · 8 GB memory" in status_html(planned, EN)
    assert "failed · real could not be loaded: no &lt;file&gt;" in status_html(
        ModelStatus("failed", NANO, failure=failure("no <file>")), EN
    )


def test_a_model_that_is_not_loaded_says_when_it_comes():
    unloaded = status_html(ModelStatus("unloaded", NANO), EN, named=False)
    assert "comes with the next message" in unloaded
    assert "glm4v-nano" not in unloaded


def failure(text):
    return ModelLoadError(model="real", reason=Unexpected(text))


def menus(engine):
    blocks = build_ui(engine, FakeReader(), examples=EXAMPLES).blocks.values()
    return [block for block in blocks if isinstance(block, gr.Dropdown)]


async def test_one_model_is_plain_text_and_several_are_a_menu():
    other = ModelStatus("unloaded", ModelInfo("other", 8192))
    assert [menu.visible for menu in menus(FakeEngine())] == [False]
    (menu,) = menus(FakeEngine(others=(other,)))
    assert menu.visible
    assert [value for _, value in menu.choices] == ["fake", "other"]


async def test_the_choice_of_a_model_is_the_users_own():
    engine = FakeEngine(others=(ModelStatus("unloaded", ModelInfo("other", 8192)),))
    sessions = PageSessions(engine)
    with gr.Blocks():
        menu = ModelMenu(engine, sessions, EN)
    menu.choose("ann", "other")
    assert engine.prepared == ["other"]
    assert (menu.status_for("ann").info.name, menu.status_for("bob").info.name) == ("other", "fake")
    models = [sessions.begin_generation(session, "chat").model for session in ("ann", "bob")]
    assert models == ["other", ""]
    sessions.end_session("ann")
    assert menu.status_for("ann").info.name == "fake"


async def test_the_menu_is_sent_again_only_when_its_list_changes_and_retry_only_after_a_failure():
    engine = FakeEngine()
    with gr.Blocks():
        menu = ModelMenu(engine, PageSessions(engine), EN)
    _, retry, listed, names = menu.show("ann", EN, ["fake"])
    assert (retry["visible"], "choices" in listed, names) == (False, False, ["fake"])
    engine.model_status = ModelStatus("failed", ModelInfo("real", 4096), failure=failure("no disk"))
    _, retry, listed, names = menu.show("ann", EN, names)
    assert (retry["visible"], listed["choices"], listed["value"], names) == (
        True,
        ["real"],
        "real",
        ["real"],
    )


def test_the_banner_shows_only_the_bundled_model_or_a_notice():
    assert banner_html(ModelStatus("ready", ModelInfo("GLM", 8192)), EN) == ""
    assert "--model zai-org/GLM-4.1V-9B-Thinking" in banner_html(ModelStatus("ready", NANO), EN)
    assert "The hub cannot be reached" in banner_html(
        ModelStatus("ready", ModelInfo("GLM", 8192), notice=HubUnreachable("")), EN
    )
