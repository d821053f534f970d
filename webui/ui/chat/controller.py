"""ChatController: what a conversation column does: send, retry, stop, start a new chat.

The truth is the Conversation in a gr.State. The Chatbot's rows are made from it and never read
back.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import uuid4

import gradio as gr

from webui.ui.chat.components import ChatComponents
from webui.ui.chat.generate import AnswerGenerator, Question
from webui.ui.chat.settings_panel import settings_of
from webui.ui.chat.streaming_turn import StreamingTurn
from webui.ui.conversation import Conversation
from webui.ui.i18n.strings import Strings
from webui.ui.page_sessions import Generation, PageSessions, owner_of, session_of
from webui.ui.render.messages import Row, conversation_rows
from webui.ui.render.status_line import ended_html
from webui.ui.tab_specs import TabSpec, refusal_of
from webui.ui.viewer.html import sent_html

Updates = dict[Any, Any]


class ChatController:
    """The handlers of one column. Holds no conversation: that comes in and goes out."""

    def __init__(
        self,
        spec: TabSpec,
        answer_generator: AnswerGenerator,
        sessions: PageSessions,
        components: ChatComponents,
        sheet: gr.HTML,
    ) -> None:
        self._spec, self._answer_generator, self._sessions = spec, answer_generator, sessions
        self._components, self._sheet = components, sheet

    @property
    def outputs(self) -> list[Any]:
        """The components that an answer changes: the column, and the pages in the viewer."""
        return [*self._components.outputs, self._sheet]

    async def send(
        self,
        request: gr.Request,
        pending: Question,
        conversation: Conversation,
        language: str,
        *settings: Any,
    ) -> AsyncGenerator[Updates, None]:
        """Answer the pending question, updating the page as the answer grows.

        Nothing happens without a question, or while this tab is still answering. Gradio fills in
        `request` by its annotation, and calls the handler with the values of the inputs.
        """
        generation = self._begin_generation(request, pending, language)
        if generation is None:
            yield {self._components.phase: gr.skip()}
            return
        try:
            strings = Strings(generation.language)
            question = self._prepare_question(pending, settings, strings)
            conversation = self._prepare_conversation(conversation, retry=pending.retry)
            # Pages of this question take the place of those that earlier answers mention.
            linked = not (question.files or question.pictures)
            past_rows = conversation_rows(conversation, strings, linked=linked)
            # Gradio may merge yields that follow closely: each repeats all that holds meanwhile.
            busy_updates = self._busy_updates()
            answer = self._answer_generator.answer(question, conversation, generation)
            async with aclosing(answer):
                async for streaming in answer:
                    if generation.discarded:
                        return
                    if strings.language != generation.language:
                        strings = Strings(generation.language)
                        past_rows = conversation_rows(conversation, strings, linked=linked)
                    if streaming.turn.pictures and self._sheet not in busy_updates:
                        busy_updates[self._sheet] = sent_html(streaming.turn, strings)
                    if streaming.turn.phase is not None:
                        updates = self._streaming_updates(streaming, generation, strings)
                        updates[self._components.chatbot] = past_rows + streaming.rows(strings)
                        yield busy_updates | updates
            yield busy_updates | self._final_updates(
                replace(conversation, turns=(*conversation.turns, streaming.turn)),
                question,
                strings,
            )
        finally:
            self._sessions.end_generation(session_of(request), self._spec.name)

    def _begin_generation(
        self, request: gr.Request, pending: Question, language: str
    ) -> Generation | None:
        """Return a new generation, or None if there is nothing to answer or another one runs."""
        if pending.is_empty:
            return None
        session, owner = session_of(request), owner_of(request)
        language = self._sessions.language(session, language)
        return self._sessions.begin_generation(session, self._spec.name, language, owner)

    def _prepare_question(
        self, pending: Question, settings: tuple[Any, ...], strings: Strings
    ) -> Question:
        system_prompt, sampling = settings_of(*settings)
        refusals = (refusal_of(upload.path, self._spec, strings) for upload in pending.files)
        return replace(
            pending,
            system_prompt=system_prompt,
            sampling=sampling,
            refusal=next(filter(None, refusals), None),
        )

    def _prepare_conversation(self, conversation: Conversation, *, retry: bool) -> Conversation:
        earlier = conversation.without_last_turn() if retry else conversation
        return replace(earlier.without_failed_turns(), key=conversation.key or uuid4().hex)

    def _busy_updates(self) -> Updates:
        return {
            self._components.composer: gr.update(submit_btn=False, stop_btn=True),
            self._components.cards: gr.update(visible=False),
            self._components.actions: gr.update(visible=False),
        }

    def _streaming_updates(
        self, streaming: StreamingTurn, generation: Generation, strings: Strings
    ) -> Updates:
        can_cut = not (generation.answer_now_requested or generation.stopped)
        is_thinking = streaming.turn.phase == "thinking"
        return {
            self._components.phase: streaming.phase_line(strings),
            self._components.thinking.answer_now: gr.update(visible=is_thinking and can_cut),
        }

    def _final_updates(
        self, conversation: Conversation, question: Question, strings: Strings
    ) -> Updates:
        """Show the finished turn. A failed message goes back into its box, to be sent again."""
        turn = conversation.turns[-1]
        files_were_read = bool(turn.pictures or not turn.files)
        can_retry = turn.error is None or (files_were_read and not question.typed)
        composer: dict[str, Any] = {"submit_btn": True, "stop_btn": False}
        if turn.error is not None and question.typed:
            paths = [str(upload.path) for upload in question.files]
            composer["value"] = {"text": question.text, "files": paths}
        sheet = {self._sheet: sent_html(turn, strings, turn.content)} if turn.pictures else {}
        return sheet | {
            self._components.chatbot: conversation_rows(conversation, strings),
            self._components.conversation: conversation,
            self._components.phase: ended_html(strings("error" if turn.error else "answered")),
            self._components.composer: gr.update(**composer),
            self._components.thinking.answer_now: gr.update(visible=False),
            self._components.actions: gr.update(visible=True),
            self._components.copy: gr.update(visible=bool(turn.content), value=strings("copy")),
            self._components.retry: gr.update(visible=can_retry),
        }

    def is_generating(self, session: str) -> bool:
        return self._sessions.is_generating(session, self._spec.name)

    def stop(self, request: gr.Request) -> None:
        self._sessions.stop_generation(session_of(request), self._spec.name)

    def answer_now(self, request: gr.Request) -> Updates:
        """End the thought of this column's answer, and hide the button."""
        self._sessions.request_answer_now(session_of(request), self._spec.name)
        return {self._components.thinking.answer_now: gr.update(visible=False)}

    async def new_chat(self, request: gr.Request) -> Updates:
        """Stop and forget an answer in progress, and empty the conversation."""
        await self._sessions.discard_generation(session_of(request), self._spec.name)
        return {
            self._components.chatbot: [],
            self._components.conversation: Conversation(),
            self._components.phase: "",
            self._components.composer: gr.update(value=None, submit_btn=True, stop_btn=False),
            self._components.thinking.answer_now: gr.update(visible=False),
            self._components.cards: gr.update(visible=True),
            self._components.actions: gr.update(visible=False),
        }

    def copy_answer(self, conversation: Conversation, language: str) -> Updates:
        """Put the newest answer where the browser copies it from, as the model wrote it.

        With it go the texts for the button: only the browser knows whether it could copy.
        """
        answers = [turn.content for turn in conversation.turns if turn.content]
        strings = Strings(language)
        answer = {
            "text": answers[-1] if answers else "",
            "copied": strings("copied"),
            "failed": strings("copy_failed"),
        }
        return {self._components.copied: json.dumps(answer)}

    def translated_rows(
        self, conversation: Conversation, strings: Strings, session: str
    ) -> list[Row] | Any:
        """Return the conversation in another language; an answer in progress updates itself."""
        if self.is_generating(session):
            return gr.skip()
        return conversation_rows(conversation, strings)
