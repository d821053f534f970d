"""How long the model thinks: the choices and the budget, the button, and what is told of a thought that was cut."""

import asyncio
from dataclasses import replace

import gradio as gr
import pytest
from fakes import FakeEngine
from test_controller import EN, Column

from webui.protocol import (
    THINKING_BUDGETS,
    THINKING_LEVELS,
    Delta,
    Message,
    Progress,
    SamplingParams,
    ThoughtCut,
    Usage,
)
from webui.ui.chat.generate import Question
from webui.ui.chat.settings_panel import settings_of
from webui.ui.chat.thinking_row import FIRST, SLIDES_TO, TO_CHOICE, budget_of, thinking_row
from webui.ui.conversation import Turn
from webui.ui.i18n.labels import Labels
from webui.ui.i18n.strings import Strings
from webui.ui.render.status_line import stats

THOUGHT = [Delta(reasoning="hm ", progress=Progress("thinking", index, 99)) for index in range(200)]
ANSWERED = [*THOUGHT, Delta(content="Red."), Delta(finish_reason="stop", usage=Usage(10, 9, 5))]


@pytest.mark.parametrize("level", THINKING_LEVELS)
def test_each_choice_slides_to_its_own_budget(level):
    assert budget_of(SLIDES_TO[level]) == THINKING_BUDGETS[level]
    assert str(SLIDES_TO[level]) in TO_CHOICE


def test_the_budget_of_the_settings_is_what_is_sent():
    _, sampling = settings_of("", 0.8, 0.6, 2, 1.1, 8192, 300, 0)
    assert sampling == replace(SamplingParams(), thinking_token_budget=300)
    assert settings_of("", 0.8, 0.6, 2, 1.1, 8192, 300, 7)[1].seed == 7


async def test_the_choices_are_named_in_both_languages():
    with gr.Blocks():
        labels = Labels(EN)
        row = thinking_row(labels)
    assert row.levels.choices == [("Off", 0), ("Short", 512), ("Normal", 2048), ("Long", 8192)]
    assert row.levels.value == FIRST
    told = [update["choices"] for update in labels.updates(Strings("zh")) if "choices" in update]
    assert told == [[("关闭", 0), ("简短", 512), ("标准", 2048), ("深入", 8192)]]


async def test_the_button_shows_only_while_it_thinks_and_ends_the_thought():
    column = Column(FakeEngine(ANSWERED, step_s=0.02))
    button = column.parts.thinking.answer_now
    sending = asyncio.ensure_future(column.send(Question("?")))
    await asyncio.sleep(0.5)
    assert column.chat.answer_now("ann") == {button: gr.update(visible=False)}
    first, *_, last = updates = await sending
    shown = [update[button]["visible"] for update in updates]
    assert (first[button]["visible"], any(shown), last[button]["visible"]) == (False, True, False)
    assert column.engine.answer_now_requested == {column.engine.requests[0].id}
    assert column.texts(last)[1].count("hm") < len(THOUGHT)
    assert column.texts(last)[2] == "Red."


async def test_the_request_names_its_owner():
    column = Column()
    await column.send(Question("?"), session="ann")
    await column.send(Question("?"), session="bob")
    assert [request.owner for request in column.engine.requests] == ["ann", "bob"]


@pytest.mark.parametrize(
    ("cut", "tokens", "english", "chinese"),
    [
        ("budget", 1256, "Thought cut at 1,256 tokens", "思考在 1,256 个词元处截断"),
        ("budget", 0, "Answered directly", "直接回答"),
        ("requested", 9, "Answered on request", "应要求提前回答"),
        ("repetition", 9, "Thought ended as it repeated itself", "思考开始重复，已结束"),
    ],
)
def test_the_figures_tell_what_cut_the_thought(cut: ThoughtCut, tokens, english, chinese):
    turn = Turn(Message("user", ("?",)), usage=Usage(10, 2000, tokens, thought_cut=cut))
    assert stats(turn, EN).startswith(english + " · ")
    assert stats(turn, Strings("zh")).startswith(chinese + " · ")


def test_a_thought_that_ended_by_itself_needs_no_word():
    assert "hought" not in stats(Turn(Message("user", ("?",)), usage=Usage(10, 20, 9)), EN)
