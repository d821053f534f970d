"""What a conversation column does: send, retry, stop, begin anew.

Truth is the Conversation in gr.State. What the Chatbot shows is made from it and never read back.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import uuid4

import gradio as gr

from webui.ui.chat.components import ChatComponents
from webui.ui.chat.generate import AnswerGenerator, Question
from webui.ui.conversation import Conversation
from webui.ui.i18n.strings import Strings
from webui.ui.page_sessions import Generation, PageSessions
from webui.ui.render.messages import conversation_rows
from webui.ui.tab_specs import TabSpec
from webui.ui.viewer.html import sent_html

Updates = dict[Any, Any]


class Chat:
    """The handlers of one column. Holds no conversation: that comes in and goes out."""

    def __init__(
        self,
        spec: TabSpec,
        answering: AnswerGenerator,
        running: PageSessions,
        parts: ChatComponents,
        sheet: gr.HTML,
    ) -> None:
        self._spec, self._answering, self._running = spec, answering, running
        self._parts, self._sheet = parts, sheet

    @property
    def outputs(self) -> list[Any]:
        """What answering changes: the column, and the pages in the viewer once they are read."""
        return [*self._parts.outputs, self._sheet]

    async def send(
        self,
        question: Question,
        conversation: Conversation,
        strings: Strings,
        session: str,
        owner: str = "",
    ) -> AsyncGenerator[Updates, None]:
        """Answer, updating the page as it goes. Nothing happens while this column is still answering.

        `owner` is whose turn it counts as: a visitor may have several sessions open.
        """
        asked = bool(question.words.parts or question.files)
        run = (
            self._running.begin(session, self._spec.name, strings.language, owner)
            if asked
            else None
        )
        if run is None:
            yield {self._parts.phase: gr.skip()}
            return
        try:
            async with aclosing(self._answer(question, conversation, strings, run)) as answer:
                async for updates in answer:
                    yield updates
        finally:
            self._running.end(session, self._spec.name)

    async def _answer(
        self, question: Question, conversation: Conversation, strings: Strings, run: Generation
    ) -> AsyncGenerator[Updates, None]:
        question = replace(
            question, suffixes=self._spec.suffixes, accepted=self._spec.accepted(strings)
        )
        conversation = replace(conversation.settled(), key=conversation.key or uuid4().hex)
        # New pages take the place of those that earlier answers name.
        linked = not (question.files or question.pictures)
        past = conversation_rows(conversation, strings, linked=linked)
        # Gradio may merge yields that follow closely: each one repeats all that holds while it answers.
        standing = self._standing()
        async with aclosing(self._answering.answer(question, conversation, run)) as answer:
            async for live in answer:
                if run.discarded:
                    return
                if strings.language != run.language:
                    strings = Strings(run.language)
                    past = conversation_rows(conversation, strings, linked=linked)
                if live.turn.pictures and self._sheet not in standing:
                    standing[self._sheet] = sent_html(live.turn, strings)
                elif live.turn.phase is None and self._sheet in standing:
                    standing[self._sheet] = sent_html(live.turn, strings, live.turn.content)
                updates = {
                    **standing,
                    self._parts.chatbot: past + live.rows(strings),
                    self._parts.phase: live.phase(strings),
                }
                thinks = live.turn.phase == "thinking" and not (
                    run.answer_now_requested or run.stopped
                )
                updates[self._parts.thinking.answer_now] = gr.update(visible=thinks)
                if live.turn.phase is None:
                    done = replace(conversation, turns=(*conversation.turns, live.turn))
                    updates |= self._after(done, question, strings) | {
                        self._parts.chatbot: conversation_rows(done, strings)
                    }
                yield updates

    def _standing(self) -> Updates:
        return {
            self._parts.composer: gr.update(submit_btn=False, stop_btn=True),
            self._parts.cards: gr.update(visible=False),
            self._parts.actions: gr.update(visible=False),
        }

    def _after(self, conversation: Conversation, question: Question, strings: Strings) -> Updates:
        """A failed message goes back into its box, to be changed or tried again."""
        turn = conversation.turns[-1]
        loaded = bool(turn.pictures or not turn.files)
        composer: dict[str, Any] = {"submit_btn": True, "stop_btn": False}
        if turn.error is not None and question.typed:
            composer["value"] = {
                "text": question.text,
                "files": [str(path) for path, _ in question.files],
            }
        return {
            self._parts.conversation: conversation,
            self._parts.phase: "",
            self._parts.composer: gr.update(**composer),
            self._parts.actions: gr.update(visible=True),
            self._parts.copy: gr.update(visible=bool(turn.content), value=strings("copy")),
            self._parts.retry: gr.update(
                visible=turn.error is None or (loaded and not question.typed)
            ),
        }

    def again(self, conversation: Conversation) -> tuple[Question, Conversation]:
        """The last question once more, with its files as they were read the first time."""
        *earlier, last = conversation.turns
        parts = tuple(part for part in last.question.parts if not isinstance(part, str))
        return Question(last.question.text, parts=parts, pictures=last.pictures), replace(
            conversation, turns=tuple(earlier)
        )

    def busy(self, session: str) -> bool:
        return self._running.busy(session, self._spec.name)

    def language_of(self, session: str, told: str) -> str:
        return self._running.language_of(session, told)

    def model_of(self, session: str) -> str:
        """The name of the model that answers this visitor."""
        return self._running.model_of(session)

    def stop(self, session: str) -> None:
        self._running.stop(session, self._spec.name)

    def answer_now(self, session: str) -> Updates:
        """End the thought of this column's answer; the button has done its work."""
        self._running.answer_now(session, self._spec.name)
        return {self._parts.thinking.answer_now: gr.update(visible=False)}

    async def begin_anew(self, session: str) -> Updates:
        """An empty conversation; what was still being written is stopped and forgotten."""
        await self._running.discard(session, self._spec.name)
        return {
            self._parts.chatbot: [],
            self._parts.conversation: Conversation(),
            self._parts.phase: "",
            self._parts.composer: gr.update(value=None, submit_btn=True, stop_btn=False),
            self._parts.thinking.answer_now: gr.update(visible=False),
            self._parts.cards: gr.update(visible=True),
            self._parts.actions: gr.update(visible=False),
        }

    def copy(self, conversation: Conversation, strings: Strings) -> Updates:
        """The newest answer as it was written, on its way to the clipboard; the button says so."""
        text = next((turn.content for turn in reversed(conversation.turns) if turn.content), "")
        return {self._parts.copied: text, self._parts.copy: gr.update(value=strings("copied"))}

    def relabelled(self, conversation: Conversation, strings: Strings, session: str) -> Any:
        """The same conversation in another language, unless it is still growing."""
        return gr.skip() if self.busy(session) else conversation_rows(conversation, strings)
