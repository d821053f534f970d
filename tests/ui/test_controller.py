import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from fake_reader import FakeReader
from fakes import READY, SCRIPT, FakeEngine

from webui.errors import DamagedFileError, EngineStoppedError
from webui.media.reader import Selection
from webui.protocol import (
    Delta,
    ModelInfo,
    ModelStatus,
    PageLabel,
    Progress,
    SamplingParams,
    Usage,
)
from webui.ui.chat.components import chat_components
from webui.ui.chat.controller import ChatController
from webui.ui.chat.generate import AnswerGenerator, Question
from webui.ui.conversation import Conversation
from webui.ui.i18n.labels import Labels
from webui.ui.i18n.strings import Strings
from webui.ui.page_sessions import PageSessions
from webui.ui.tab_handlers import TabHandlers
from webui.ui.tab_specs import TABS, Example, TabSpec
from webui.ui.viewer.components import viewer_components
from webui.ui.viewer.uploads import Upload, Uploads
from webui.ui.viewer.viewer import Viewer

EN = Strings("en")
LONG = [
    Delta(content=f"word{index} ", progress=Progress("answering", index, 99)) for index in range(99)
]
THOUGHT = [Delta(reasoning="hm ", progress=Progress("thinking", index, 99)) for index in range(200)]
# A test that waits for an event fails after this; no test takes so long.
GUARD_S = 60


def settings(system_prompt="", seed=0):
    """The values of the settings panel."""
    return (system_prompt, 0.8, 0.6, 2, 1.1, 8192, 8192, seed)


def request_of(session):
    return SimpleNamespace(session_hash=session, request=None)


class Column:
    """A conversation column over fakes, and what its page would show."""

    def __init__(self, engine=None, reader=None, spec=None):
        self.engine, self.reader = engine or FakeEngine(), reader or FakeReader()
        self.sessions = PageSessions(self.engine)
        spec = spec or TabSpec("thinking")
        labels = Labels(EN)
        with gr.Blocks():
            self.components = chat_components(spec, labels, Path("examples"))
            viewer = viewer_components(labels, self.reader.limits, spec)
            self.uploads, self.pending = gr.State(), gr.State()
        self.sheet = viewer.sheet
        self.chat = ChatController(
            spec,
            AnswerGenerator(self.engine, self.reader),
            self.sessions,
            self.components,
            self.sheet,
        )
        self.handlers = TabHandlers(
            self.chat,
            Viewer(spec, self.engine, self.reader, viewer),
            self.components,
            viewer,
            self.sessions,
            model=self.engine,
            uploads=self.uploads,
            pending=self.pending,
            examples=Path("examples"),
        )

    def stream(self, question, conversation=None, session="ann", panel=None):
        return self.chat.send(
            request_of(session),
            question,
            conversation or Conversation(),
            "en",
            *(panel or settings()),
        )

    async def send(self, question, conversation=None, session="ann", panel=None):
        return [update async for update in self.stream(question, conversation, session, panel)]

    def texts(self, update):
        return [row["content"]["text"] for row in update[self.components.chatbot]]

    def button(self, update):
        return update[self.components.thinking.answer_now]["visible"]


async def until(condition):
    async with asyncio.timeout(GUARD_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_an_answer_goes_from_placeholder_to_statistics():
    column = Column()
    updates = await column.send(Question("What is it?"))
    first, last = updates[0], updates[-1]
    assert column.texts(first) == ['<div class="said">What is it?</div>']
    assert first[column.components.composer]["stop_btn"] is True
    assert column.texts(last)[1:3] == ["I see a red circle.", "A red circle."]
    assert last[column.components.composer]["stop_btn"] is False
    copied = column.chat.copy_answer(last[column.components.conversation], "en")
    assert json.loads(copied[column.components.copied]) == {
        "text": "A red circle.",
        "copied": "Copied",
        "failed": "Not copied: select the text",
    }


async def test_every_yield_repeats_what_holds_while_it_answers():
    column = Column(FakeEngine(step_s=0.1))
    *running, _ = await column.send(Question("?"))
    assert len(running) > 3
    assert all(
        update[column.components.composer] == gr.update(submit_btn=False, stop_btn=True)
        for update in running
    )
    assert all(update[column.components.cards] == gr.update(visible=False) for update in running)


async def test_the_request_carries_settings_and_a_lasting_key():
    column = Column()
    panel = settings("Be brief.", seed=7)
    last = (await column.send(Question("Hi"), panel=panel))[-1]
    await column.send(Question("And?"), last[column.components.conversation])
    first, second = column.engine.requests
    assert first.sampling.seed == 7
    assert first.messages[0].text == "Be brief."
    assert first.conversation == second.conversation != ""
    assert first.id != second.id
    assert [message.role for message in second.messages] == ["user", "assistant", "user"]


async def test_the_defaults_of_the_panel_are_those_of_sampling():
    column = Column()
    await column.send(Question("Hi"))
    assert column.engine.requests[0].sampling == SamplingParams()


async def test_files_become_parts_in_front_of_the_text():
    column = Column()
    question = Question("Which page?", files=(Upload(Path("a.pdf"), Selection(pages="1-2")),))
    updates = await column.send(question)
    assert column.reader.loaded == [("a.pdf", Selection(pages="1-2"), 4096 * 3 // 4)]
    *pages, text = column.engine.requests[0].messages[0].parts
    assert [page.label for page in pages] == [PageLabel(1), PageLabel(2), PageLabel(3)]
    assert text == "Which page?"
    assert column.texts(updates[-1])[0].count("<img") == 3
    shown = {update[column.sheet].count("<img") for update in updates if column.sheet in update}
    assert shown == {3}


async def test_at_the_end_the_page_that_the_answer_mentions_is_marked_and_linked():
    column = Column(FakeEngine([Delta(content="Page 2.", finish_reason="stop")], step_s=0.1))
    updates = await column.send(Question("Which?", files=(Upload(Path("report.pdf")),)))
    first = next(update for update in updates if column.sheet in update)
    assert 'class="named"' not in first[column.sheet]
    assert updates[-1][column.sheet].count('class="named"') == 1
    assert "[Page 2](#seen-1)." in column.texts(updates[-1])


async def test_a_file_of_another_tab_is_not_read_and_its_tab_is_named():
    column = Column(spec=next(spec for spec in TABS if spec.name == "image"))
    files = (Upload(Path("a.png")), Upload(Path("report.pdf")))
    updates = await column.send(Question("What is it?", files=files))
    texts = " ".join(column.texts(updates[-1]))
    assert "report.pdf is a PDF; the PDF tab takes it." in texts
    assert (column.reader.loaded, column.engine.requests) == ([], [])


async def test_each_phase_is_shown():
    column = Column(FakeEngine(step_s=0.1), FakeReader(step_s=0.1))
    updates = await column.send(Question("?", files=(Upload(Path("a.pdf")),)))
    phases = " ".join(update[column.components.phase] for update in updates)
    for words in ("Converting a.pdf", "1 of 3", "Reading", "Thinking", "Answering"):
        assert words in phases
    assert "hidden" in updates[-1][column.components.phase]


async def test_conversions_count_against_the_user_and_the_wait_is_shown():
    column = Column(reader=FakeReader(step_s=0.1, ahead=2))
    updates = await column.send(Question("?", files=(Upload(Path("a.pdf")),)), session="ann")
    assert column.reader.owners == {"ann"}
    phases = [update[column.components.phase] for update in updates]
    assert any("Waiting: <b>2 ahead of you" in phase for phase in phases)


async def test_the_request_names_its_owner():
    column = Column()
    await column.send(Question("?"), session="ann")
    await column.send(Question("?"), session="bob")
    assert [request.owner for request in column.engine.requests] == ["ann", "bob"]


async def test_a_file_that_cannot_be_read_is_a_card_and_goes_back_into_the_box():
    column = Column(reader=FakeReader(error=DamagedFileError(name="a.pdf")))
    files = (Upload(Path("/tmp/a.pdf")),)
    last = (await column.send(Question("?", typed=True, files=files)))[-1]
    assert "a.pdf is damaged" in column.texts(last)[-1]
    composer = last[column.components.composer]
    assert composer["value"] == {"text": "?", "files": ["/tmp/a.pdf"]}
    assert last[column.components.conversation].history() == []
    assert column.engine.requests == []


async def test_an_engine_that_fails_is_a_card_too():
    column = Column(FakeEngine(SCRIPT[:3], EngineStoppedError(reason="worker died")))
    last = (await column.send(Question("?")))[-1]
    assert "A red " in column.texts(last)
    assert "worker died" in column.texts(last)[-1]
    assert last[column.components.conversation].history() == []


async def test_a_tab_refuses_files_that_no_tab_takes():
    column = Column(spec=next(spec for spec in TABS if spec.name == "image"))
    last = (await column.send(Question("?", files=(Upload(Path("a.docx")),))))[-1]
    assert "Accepted: pictures" in column.texts(last)[-1]
    assert column.reader.loaded == []


async def test_stop_keeps_the_text_and_leaves_others_alone():
    column = Column(FakeEngine(LONG, step_s=0.02))
    bob = asyncio.ensure_future(column.send(Question("?"), session="bob"))
    updates = []
    async for update in column.stream(Question("?"), session="ann"):
        updates.append(update)
        if "word1 " in "".join(column.texts(update)):
            column.chat.stop(request_of("ann"))
    stopped, whole = updates[-1], (await bob)[-1]
    assert "word1 " in column.texts(stopped)[1]
    assert "word98" not in column.texts(stopped)[1]
    assert "Stopped" in column.texts(stopped)[-1]
    assert "word98" in column.texts(whole)[1]


async def test_stop_while_a_file_is_converted():
    column = Column(reader=FakeReader(step_s=GUARD_S))
    question = Question("?", files=(Upload(Path("a.pdf")),))
    ann = asyncio.ensure_future(column.send(question))
    await until(lambda: column.reader.loaded)
    column.chat.stop(request_of("ann"))
    last = (await asyncio.wait_for(ann, GUARD_S / 2))[-1]
    assert "Stopped" in column.texts(last)[-1]
    assert column.engine.requests == []


async def test_a_page_that_goes_away_stops_its_answer():
    column = Column(FakeEngine(LONG, step_s=0.02))
    stream = column.stream(Question("?"))
    async for _ in stream:
        if column.engine.running:
            break
    await stream.aclose()
    assert column.engine.aborted
    assert not column.sessions.is_generating("ann", "thinking")
    assert column.engine.running == set()


async def test_a_second_question_is_ignored_while_the_first_is_answered():
    column = Column(FakeEngine(LONG, step_s=0.02))
    stream = column.stream(Question("?"))
    await anext(stream)
    assert await column.send(Question("Me too")) == [{column.components.phase: gr.skip()}]
    await stream.aclose()


async def test_a_new_chat_ends_what_is_running():
    column = Column(FakeEngine(LONG, step_s=0.02))
    old = asyncio.ensure_future(column.send(Question("?")))
    await until(lambda: column.engine.running)
    fresh = await column.handlers.new_chat(request_of("ann"))
    updates = await old
    assert fresh[column.components.conversation] == Conversation()
    assert column.components.conversation not in updates[-1]


async def test_retry_asks_the_same_with_the_same_pages():
    column = Column()
    last = (await column.send(Question("?", files=(Upload(Path("a.pdf")),))))[-1]
    conversation = last[column.components.conversation]
    question = column.handlers.collect_retry(request_of("ann"), conversation)
    again = (await column.send(question, conversation))[-1]
    first, second = column.engine.requests
    assert first.messages == second.messages
    assert len(column.reader.loaded) == 1
    assert len(again[column.components.conversation].turns) == 1


async def test_without_a_turn_there_is_nothing_to_retry():
    column = Column()
    assert column.handlers.collect_retry(request_of("ann"), Conversation()).is_empty


async def test_a_collected_message_keeps_the_previews_of_its_files():
    column = Column()
    upload = Upload(Path("a.pdf"), Selection(pages="2"), error=DamagedFileError(name="a.pdf"))
    updates = column.handlers.collect_message(
        request_of("ann"),
        {"text": "?", "files": ["a.pdf", "b.pdf"]},
        Uploads((upload,)),
        "2",
        1,
        0,
        0,
    )
    first, second = updates[column.pending].files
    assert (first.path, first.error) == (upload.path, upload.error)
    assert second == Upload(Path("b.pdf"))


async def test_an_example_is_asked_in_the_users_language():
    collect = Column().handlers.example_collector(Example("example_circle", "red-circle.png"))
    question = collect(request_of("ann"), "ja")
    assert question.text == "この図形は何色ですか？"
    assert question.files == (Upload(Path("examples/red-circle.png")),)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Which colour is the shape?"),
        ("zh", "这个图形是什么颜色？"),
        ("ja", "Which colour is the shape?"),
    ],
)
async def test_the_bundled_model_is_asked_an_example_in_a_language_that_it_reads(language, text):
    bundled = ModelStatus("ready", ModelInfo("glm4v-nano", 8192, bundled=True))
    column = Column(FakeEngine(model_status=bundled, others=(READY,)))
    collect = column.handlers.example_collector(Example("example_circle", "red-circle.png"))
    assert collect(request_of("ann"), language).text == text
    # Another model that the user has chosen is asked in the language of the page.
    column.sessions.choose_model("ann", READY.info.name)
    expected = Strings(language)("example_circle")
    assert collect(request_of("ann"), language).text == expected


async def test_a_typed_message_that_fails_goes_back_and_an_example_does_not():
    column = Column(FakeEngine(error=EngineStoppedError(reason="worker died")))
    example, typed = await column.send(Question("?")), await column.send(Question("?", typed=True))
    assert all("value" not in update[column.components.composer] for update in example)
    assert example[-1][column.components.retry]["visible"] is True
    assert typed[-1][column.components.composer]["value"] == {"text": "?", "files": []}
    assert typed[-1][column.components.retry]["visible"] is False


async def test_the_answer_is_in_the_chosen_language_even_if_the_browser_sends_another():
    column = Column()
    column.sessions.set_language("ann", "ja")
    last = (await column.send(Question("?")))[-1]
    assert "トークン" in column.texts(last)[-1]


async def test_an_empty_message_is_ignored():
    column = Column()
    assert await column.send(Question("")) == [{column.components.phase: gr.skip()}]
    assert not column.sessions.is_generating("ann", "thinking")


async def test_answer_now_shows_only_while_it_thinks_and_ends_the_thought():
    usage = Usage(10, 9, 5)
    script = [*THOUGHT, Delta(content="Red."), Delta(finish_reason="stop", usage=usage)]
    column = Column(FakeEngine(script, step_s=0.02))
    updates = []
    async for update in column.stream(Question("?")):
        updates.append(update)
        if column.button(update) and not column.engine.answer_now_requested:
            hidden = column.chat.answer_now(request_of("ann"))
    first, last = updates[0], updates[-1]
    assert hidden == {column.components.thinking.answer_now: gr.update(visible=False)}
    assert (column.button(first), column.button(last)) == (False, False)
    assert column.engine.answer_now_requested == {column.engine.requests[0].id}
    assert column.texts(last)[1].count("hm") < len(THOUGHT)
    assert column.texts(last)[2] == "Red."
