import asyncio
from pathlib import Path

import gradio as gr
import pytest
from fake_reader import FakeReader
from fakes import SCRIPT, FakeEngine

from webui.errors import DamagedFileError, EngineStoppedError
from webui.media.reader import Selection
from webui.protocol import Delta, PageLabel, Progress, SamplingParams
from webui.ui.chat.components import chat_components
from webui.ui.chat.controller import Chat
from webui.ui.chat.generate import AnswerGenerator, Question
from webui.ui.conversation import Conversation
from webui.ui.i18n.labels import Labels
from webui.ui.i18n.strings import Strings
from webui.ui.page_sessions import PageSessions
from webui.ui.tab_specs import TabSpec

EN = Strings("en")
LONG = [
    Delta(content=f"word{index} ", progress=Progress("answering", index, 99)) for index in range(99)
]


class Column:
    """A conversation column over fakes, and what its page would show."""

    def __init__(self, engine=None, reader=None, spec=None):
        self.engine, self.reader = engine or FakeEngine(), reader or FakeReader()
        self.running = PageSessions(self.engine)
        spec = spec or TabSpec("thinking")
        with gr.Blocks():
            self.parts = chat_components(spec, Labels(EN), Path("examples"))
            self.sheet = gr.HTML()
        self.chat = Chat(
            spec, AnswerGenerator(self.engine, self.reader), self.running, self.parts, self.sheet
        )

    async def send(self, question, conversation=None, session="ann"):
        updates = []
        async for update in self.chat.send(question, conversation or Conversation(), EN, session):
            updates.append(update)
        return updates

    def texts(self, update):
        return [row["content"]["text"] for row in update[self.parts.chatbot]]


async def test_an_answer_goes_from_placeholder_to_figures():
    column = Column()
    updates = await column.send(Question("What is it?"))
    first, last = updates[0], updates[-1]
    assert column.texts(first) == ['<div class="said">What is it?</div>']
    assert first[column.parts.composer]["stop_btn"] is True
    assert column.texts(last)[1:3] == ["I see a red circle.", "A red circle."]
    assert last[column.parts.composer]["stop_btn"] is False
    copied = column.chat.copy(last[column.parts.conversation], EN)
    assert copied[column.parts.copied] == "A red circle."


async def test_every_yield_repeats_what_holds_while_it_answers():
    column = Column(FakeEngine(step_s=0.1))
    *running, _ = await column.send(Question("?"))
    assert len(running) > 3
    assert all(
        update[column.parts.composer] == gr.update(submit_btn=False, stop_btn=True)
        for update in running
    )
    assert all(update[column.parts.cards] == gr.update(visible=False) for update in running)


async def test_the_request_carries_settings_and_a_lasting_key():
    column = Column()
    question = Question("Hi", system_prompt="Be brief.", sampling=SamplingParams(seed=7))
    first = (await column.send(question))[-1][column.parts.conversation]
    await column.send(Question("And?"), first)
    one, two = column.engine.requests
    assert one.sampling.seed == 7
    assert one.messages[0].text == "Be brief."
    assert one.conversation == two.conversation != ""
    assert one.id != two.id
    assert [message.role for message in two.messages] == ["user", "assistant", "user"]


async def test_files_become_parts_in_front_of_the_words():
    column = Column()
    question = Question("Which page?", files=((Path("a.pdf"), Selection(pages="1-2")),))
    updates = await column.send(question)
    assert column.reader.loaded == [("a.pdf", Selection(pages="1-2"), 4096 * 3 // 4)]
    *pages, words = column.engine.requests[0].messages[0].parts
    assert [page.label for page in pages] == [PageLabel(1), PageLabel(2), PageLabel(3)]
    assert words == "Which page?"
    assert column.texts(updates[-1])[0].count("<img") == 3
    assert {update[column.sheet].count("<img") for update in updates if column.sheet in update} == {
        3
    }


async def test_at_the_end_the_page_that_the_answer_names_is_marked_and_leads_there():
    column = Column(FakeEngine([Delta(content="Page 2.", finish_reason="stop")], step_s=0.1))
    updates = await column.send(Question("Which?", files=((Path("report.pdf"), Selection()),)))
    first = next(update for update in updates if column.sheet in update)
    assert 'class="named"' not in first[column.sheet]
    assert updates[-1][column.sheet].count('class="named"') == 1
    assert "[Page 2](#seen-1)." in column.texts(updates[-1])


async def test_phases_are_told():
    column = Column(FakeEngine(step_s=0.1), FakeReader(step_s=0.1))
    updates = await column.send(Question("?", files=((Path("a.pdf"), Selection()),)))
    told = " ".join(update[column.parts.phase] for update in updates)
    for words in ("Converting a.pdf", "1 of 3", "Reading", "Thinking", "Answering"):
        assert words in told
    assert updates[-1][column.parts.phase] == ""


async def test_files_are_converted_in_the_visitors_turns_and_the_wait_is_shown():
    column = Column(reader=FakeReader(step_s=0.1, ahead=2))
    updates = await column.send(Question("?", files=((Path("a.pdf"), Selection()),)), session="ann")
    assert column.reader.owners == {"ann"}
    assert any("Waiting: <b>2 ahead of you" in update[column.parts.phase] for update in updates)


@pytest.mark.parametrize("error", [DamagedFileError(name="a.pdf")])
async def test_a_file_that_cannot_be_read_is_a_card_and_comes_back(error):
    column = Column(reader=FakeReader(error=error))
    last = (
        await column.send(Question("?", typed=True, files=((Path("/tmp/a.pdf"), Selection()),)))
    )[-1]
    assert "a.pdf is damaged" in column.texts(last)[-1]
    assert last[column.parts.composer]["value"] == {"text": "?", "files": ["/tmp/a.pdf"]}
    assert last[column.parts.conversation].history() == []
    assert column.engine.requests == []


async def test_an_engine_that_fails_is_a_card_too():
    column = Column(FakeEngine(SCRIPT[:3], EngineStoppedError(reason="worker died")))
    last = (await column.send(Question("?")))[-1]
    assert "A red " in column.texts(last)
    assert "worker died" in column.texts(last)[-1]
    assert last[column.parts.conversation].history() == []


async def test_a_tab_refuses_files_of_another_kind():
    column = Column(spec=TabSpec("image", (".png",), ("kind_image",)))
    last = (await column.send(Question("?", files=((Path("a.pdf"), Selection()),))))[-1]
    assert "Accepted: pictures" in column.texts(last)[-1]
    assert column.reader.loaded == []


async def test_stop_keeps_the_text_and_leaves_others_alone():
    column = Column(FakeEngine(LONG, step_s=0.02))
    ann = asyncio.ensure_future(column.send(Question("?"), session="ann"))
    bob = asyncio.ensure_future(column.send(Question("?"), session="bob"))
    await asyncio.sleep(0.6)
    column.chat.stop("ann")
    stopped, whole = (await ann)[-1], (await bob)[-1]
    assert "word1 " in column.texts(stopped)[1]
    assert "word98" not in column.texts(stopped)[1]
    assert "Stopped" in column.texts(stopped)[-1]
    assert "word98" in column.texts(whole)[1]


async def test_stop_while_a_file_is_converted():
    column = Column(reader=FakeReader(step_s=5))
    ann = asyncio.ensure_future(column.send(Question("?", files=((Path("a.pdf"), Selection()),))))
    await asyncio.sleep(0.2)
    column.chat.stop("ann")
    last = (await asyncio.wait_for(ann, 2))[-1]
    assert "Stopped" in column.texts(last)[-1]
    assert column.engine.requests == []


async def test_a_page_that_goes_away_stops_its_answer():
    column = Column(FakeEngine(LONG, step_s=0.02))
    stream = column.chat.send(Question("?"), Conversation(), EN, "ann")
    await anext(stream)
    await anext(stream)
    await stream.aclose()
    assert column.engine.aborted
    assert not column.running.busy("ann", "thinking")
    assert column.engine.running == set()


async def test_a_second_question_waits_its_turn():
    column = Column(FakeEngine(LONG, step_s=0.02))
    stream = column.chat.send(Question("?"), Conversation(), EN, "ann")
    await anext(stream)
    assert await column.send(Question("Me too")) == [{column.parts.phase: gr.skip()}]
    await stream.aclose()


async def test_a_new_chat_ends_what_is_running():
    column = Column(FakeEngine(LONG, step_s=0.02))
    old = asyncio.ensure_future(column.send(Question("?")))
    await asyncio.sleep(0.3)
    fresh = await column.chat.begin_anew("ann")
    updates = await old
    assert fresh[column.parts.conversation] == Conversation()
    assert column.parts.conversation not in updates[-1]


async def test_retry_asks_the_same_with_the_same_pages():
    column = Column()
    last = (await column.send(Question("?", files=((Path("a.pdf"), Selection()),))))[-1]
    question, earlier = column.chat.again(last[column.parts.conversation])
    await column.send(question, earlier)
    one, two = column.engine.requests
    assert one.messages == two.messages
    assert len(column.reader.loaded) == 1


async def test_an_example_leaves_what_was_being_typed():
    column = Column(FakeEngine(error=EngineStoppedError(reason="worker died")))
    example, typed = await column.send(Question("?")), await column.send(Question("?", typed=True))
    assert all("value" not in update[column.parts.composer] for update in example)
    assert example[-1][column.parts.retry]["visible"] is True
    assert typed[-1][column.parts.composer]["value"] == {"text": "?", "files": []}
    assert typed[-1][column.parts.retry]["visible"] is False


async def test_an_empty_message_is_nothing():
    column = Column()
    assert await column.send(Question("")) == [{column.parts.phase: gr.skip()}]
    assert not column.running.busy("ann", "thinking")
