"""Tab: a conversation column, its viewer and its settings, and the handler of each event."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from webui.media.reader import MediaReader
from webui.protocol import ModelProvider
from webui.ui.chat.components import chat_components
from webui.ui.chat.controller import ChatController
from webui.ui.chat.generate import AnswerGenerator, Question
from webui.ui.chat.settings_panel import BUDGET_OF_LEVEL, LEVEL_OF_BUDGET, settings_panel
from webui.ui.i18n.labels import Labels
from webui.ui.page_sessions import PageSessions
from webui.ui.tab_handlers import TabHandlers
from webui.ui.tab_specs import TabSpec
from webui.ui.viewer.components import viewer_components
from webui.ui.viewer.uploads import Uploads
from webui.ui.viewer.viewer import Viewer

# The engine batches concurrent answers, so no request has to wait in Gradio's own queue.
CONCURRENCY = 64
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
ANSWERING: dict[str, Any] = {
    **QUIET,
    "concurrency_id": "answering",
    "concurrency_limit": CONCURRENCY,
}
PREVIEWING: dict[str, Any] = {
    **QUIET,
    "concurrency_id": "previewing",
    "concurrency_limit": CONCURRENCY,
}
# Handlers that return at once skip the queue.
DIRECT: dict[str, Any] = {**QUIET, "queue": False}


@dataclass(frozen=True, slots=True)
class TabServices:
    """The services that all tabs share."""

    model: ModelProvider
    reader: MediaReader
    answer_generator: AnswerGenerator
    sessions: PageSessions
    labels: Labels
    language: gr.Radio
    examples: Path


class Tab:
    """Lays its components out where it is built, and binds their events."""

    def __init__(self, spec: TabSpec, services: TabServices) -> None:
        self._spec, self._language = spec, services.language
        labels = services.labels
        with gr.Row(elem_classes="tab-body"):
            with gr.Column(scale=7, min_width=320, elem_classes="talk"):
                self.chat_components = chat_components(spec, labels, services.examples)
            with gr.Column(scale=4, min_width=280, elem_classes="side"):
                self.viewer_components = viewer_components(labels, services.reader.limits, spec)
                self.settings = settings_panel(labels, services.model.status().info)
        self._uploads, self._pending = gr.State(Uploads()), gr.State(Question(""))
        self.chat = ChatController(
            spec,
            services.answer_generator,
            services.sessions,
            self.chat_components,
            self.viewer_components.sheet,
        )
        self.viewer = Viewer(spec, services.model, services.reader, self.viewer_components)
        self._handlers = TabHandlers(
            self.chat,
            self.viewer,
            self.chat_components,
            self.viewer_components,
            services.sessions,
            model=services.model,
            uploads=self._uploads,
            pending=self._pending,
            examples=services.examples,
        )
        labels.add_value(self.viewer_components.about, self.viewer.invitation)
        self._bind_chat_events()
        self._bind_viewer_events()
        self._bind_thinking_events()

    def _bind_chat_events(self) -> None:
        """A question is collected at once, which empties the message box, and then answered."""
        components, handlers, chat = self.chat_components, self._handlers, self.chat
        collected = [
            components.composer.submit(
                handlers.collect_message,
                [components.composer, self._uploads, *self.viewer_components.controls],
                [self._pending, components.composer],
                **DIRECT,
            ),
            components.retry.click(
                handlers.collect_retry, components.conversation, self._pending, **DIRECT
            ),
        ]
        for card, example in zip(components.examples, self._spec.examples, strict=True):
            collect_example = handlers.example_collector(example)
            collected.append(card.click(collect_example, self._language, self._pending, **DIRECT))
        inputs = [
            self._pending,
            components.conversation,
            self._language,
            *self.settings.inputs,
        ]
        ended = [event.then(chat.send, inputs, chat.outputs, **ANSWERING) for event in collected]
        components.composer.stop(chat.stop, **DIRECT)
        new_chat_outputs = [*chat.outputs, self._uploads, self.viewer_components.refused]
        ended.append(components.new_chat.click(handlers.new_chat, None, new_chat_outputs, **DIRECT))
        # The viewer shows the pages that were sent, or the files that wait in the message box.
        for event in ended:
            event.then(
                handlers.preview_uploads, self._preview_inputs, self._preview_outputs, **PREVIEWING
            )
        copied = components.copy.click(
            chat.copy_answer,
            [components.conversation, self._language],
            components.copied,
            **DIRECT,
        )
        copied.then(None, components.copied, components.copy, js="chatPage.copyAnswer")

    def _bind_viewer_events(self) -> None:
        components, viewer, handlers = self.chat_components, self.viewer_components, self._handlers
        # The message box changes with every key; only a change of its files reaches the server.
        components.composer.change(
            None, components.composer, components.waiting, js="chatPage.filePaths"
        )
        # A single event listener, so that a change of language cannot be overwritten by an older
        # preview that finishes later.
        gr.on(
            [components.waiting.change, self._language.change],
            handlers.preview_uploads,
            self._preview_inputs,
            self._preview_outputs,
            trigger_mode="always_last",
            **PREVIEWING,
        )
        gr.on(
            [
                viewer.frames.release,
                viewer.start.submit,
                viewer.start.blur,
                viewer.end.submit,
                viewer.end.blur,
            ],
            handlers.resample_frames,
            [*self._preview_inputs, *viewer.controls],
            self._preview_outputs,
            **PREVIEWING,
        )
        viewer.pages.change(
            handlers.update_cost,
            [self._uploads, components.conversation, self._language, *viewer.controls],
            [self._uploads, viewer.cost],
            trigger_mode="always_last",
            **DIRECT,
        )
        viewer.refused.upload(self.viewer.show_too_large, self._language, viewer.refused, **DIRECT)
        viewer.picker.input(
            handlers.select_upload,
            [viewer.picker, self._uploads, components.conversation, self._language],
            [self._uploads, *viewer.outputs],
            **DIRECT,
        )

    def _bind_thinking_events(self) -> None:
        controls, budget = self.chat_components.thinking, self.settings.thinking_budget
        controls.answer_now.click(self.chat.answer_now, None, controls.answer_now, **DIRECT)
        controls.levels.input(None, controls.levels, budget, js=BUDGET_OF_LEVEL, **DIRECT)
        budget.input(None, budget, controls.levels, js=LEVEL_OF_BUDGET, **DIRECT)

    @property
    def _preview_inputs(self) -> list[Any]:
        components = self.chat_components
        return [components.composer, self._uploads, components.conversation, self._language]

    @property
    def _preview_outputs(self) -> list[Any]:
        return [self._uploads, *self.viewer_components.outputs, self.chat_components.phase]
