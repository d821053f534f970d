"""One tab: a conversation column, its viewer and its settings, and which event calls which handler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from webui.media.reader import MediaReader
from webui.protocol import ModelProvider
from webui.ui.chat.components import chat_components
from webui.ui.chat.controller import Chat
from webui.ui.chat.generate import AnswerGenerator, Question
from webui.ui.chat.settings_panel import settings_panel
from webui.ui.chat.thinking_row import TO_BUDGET, TO_CHOICE
from webui.ui.i18n.labels import Labels
from webui.ui.page_sessions import PageSessions
from webui.ui.tab_handlers import TabHandlers
from webui.ui.tab_specs import TabSpec
from webui.ui.viewer.uploads import Uploads
from webui.ui.viewer.viewer import Viewer, viewer_components

# Many people answer at once: the engine batches them, so nobody waits in Gradio's own queue.
AT_ONCE = 64
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
ANSWERING: dict[str, Any] = {**QUIET, "concurrency_id": "answering", "concurrency_limit": AT_ONCE}
LOOKING: dict[str, Any] = {**QUIET, "concurrency_id": "looking", "concurrency_limit": AT_ONCE}
DIRECT: dict[str, Any] = {**QUIET, "queue": False}

FILES_OF = "(message) => JSON.stringify((message?.files ?? []).map((file) => file.path))"
TO_CLIPBOARD = "(text) => { navigator.clipboard?.writeText(text); }"


@dataclass(frozen=True, slots=True)
class TabServices:
    """What all tabs are given."""

    model: ModelProvider
    reader: MediaReader
    answering: AnswerGenerator
    running: PageSessions
    labels: Labels
    language: gr.Radio
    examples: Path


class Tab:
    """Lays a tab out where it is built, and listens to it."""

    def __init__(self, spec: TabSpec, shared: TabServices) -> None:
        self._spec, self._language = spec, shared.language
        with gr.Row(elem_classes="room"):
            with gr.Column(scale=7, min_width=320, elem_classes="talk"):
                self.parts = chat_components(spec, shared.labels, shared.examples)
            with gr.Column(scale=4, min_width=280, elem_classes="side"):
                self.view = viewer_components(shared.labels, shared.reader.limits)
                self.settings = settings_panel(shared.labels, shared.model.status().info)
        self._shelf, self._taken = gr.State(Uploads()), gr.State(Question(""))
        self.chat = Chat(spec, shared.answering, shared.running, self.parts, self.view.sheet)
        self.viewer = Viewer(spec, shared.model, shared.reader, self.view)
        states = (self._shelf, self._taken)
        self._on = TabHandlers(
            self.chat, self.viewer, self.parts, self.view, states, shared.examples
        )
        shared.labels.add_made(self.view.about, self.viewer.invitation)
        self._listen_to_chat()
        self._listen_to_viewer()
        self._listen_to_thinking()

    def _listen_to_chat(self) -> None:
        parts, on = self.parts, self._on
        inputs = [parts.conversation, self._language, *self.settings.inputs]
        sent = [parts.composer, self._shelf, *self.view.controls]
        taken = parts.composer.submit(on.take, sent, [self._taken, parts.composer], **DIRECT)
        answered = [
            taken.then(on.send, [self._taken, *inputs], self.chat.outputs, **ANSWERING),
            parts.retry.click(on.retry, inputs, self.chat.outputs, **ANSWERING),
        ]
        for card, example in zip(parts.examples, self._spec.examples, strict=True):
            answered.append(card.click(on.ask(example), inputs, self.chat.outputs, **ANSWERING))
        parts.composer.stop(on.stop, **DIRECT)
        answered.append(
            parts.new_chat.click(
                on.begin_anew, None, [*self.chat.outputs, self._shelf, self.view.refused], **DIRECT
            )
        )
        for event in answered:
            event.then(on.look, *self._what_is_looked_at(), **LOOKING)
        copied = parts.copy.click(
            on.copy, [parts.conversation, self._language], [parts.copied, parts.copy], **DIRECT
        )
        copied.then(None, parts.copied, None, js=TO_CLIPBOARD)

    def _listen_to_viewer(self) -> None:
        view, on, language, conversation = (
            self.view,
            self._on,
            self._language,
            self.parts.conversation,
        )
        # Typing changes the composer at every key; only a change of its files reaches the server.
        self.parts.composer.change(None, self.parts.composer, self.parts.waiting, js=FILES_OF)
        inputs, outputs = self._what_is_looked_at()
        # One event, so that of a look at the files and one in another language the last to begin is the last to end.
        gr.on(
            [self.parts.waiting.change, language.change],
            on.look,
            inputs,
            outputs,
            trigger_mode="always_last",
            **LOOKING,
        )
        chosen = [
            view.frames.release,
            view.start.submit,
            view.start.blur,
            view.end.submit,
            view.end.blur,
        ]
        gr.on(chosen, on.look_again, [*inputs, *view.controls], outputs, **LOOKING)
        counted = [self._shelf, conversation, language, *view.controls]
        view.pages.change(
            on.recount, counted, [self._shelf, view.cost], trigger_mode="always_last", **DIRECT
        )
        view.refused.upload(on.refuse, language, view.refused, **DIRECT)
        picked = [view.picker, self._shelf, conversation, language]
        view.picker.input(on.pick, picked, [self._shelf, *view.outputs], **DIRECT)

    def _listen_to_thinking(self) -> None:
        row, budget = self.parts.thinking, self.settings.thinking_budget
        row.answer_now.click(self._on.answer_now, None, row.answer_now, **DIRECT)
        row.levels.input(None, row.levels, budget, js=TO_BUDGET, **DIRECT)
        budget.input(None, budget, row.levels, js=TO_CHOICE, **DIRECT)

    def _what_is_looked_at(self) -> tuple[list[Any], list[Any]]:
        """Inputs and outputs of a look at the files."""
        inputs = [self.parts.composer, self._shelf, self.parts.conversation, self._language]
        return inputs, [self._shelf, *self.view.outputs, self.parts.phase]
