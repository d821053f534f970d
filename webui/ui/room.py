"""One tab: a conversation column, its viewer and its settings, and the events that tie them together.

Only this room translates between Gradio's events and the values that chat and viewer work with.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from webui.media.attachments import MediaReader, Selection
from webui.protocol import Model
from webui.ui.answering import Answering, Question
from webui.ui.chat import Chat, Updates, last_answer
from webui.ui.chat_parts import ChatParts, chat_parts
from webui.ui.labels import Labels
from webui.ui.running import Running
from webui.ui.settings_panel import SettingsPanel, settings_of, settings_panel
from webui.ui.shelf import Item, Shelf
from webui.ui.strings import Language, Strings
from webui.ui.tabs import Example, TabSpec
from webui.ui.turns import Conversation
from webui.ui.viewers import Viewer, ViewerParts, selection_of, viewer_parts

# Many people answer at once: the engine batches them, so nobody waits in Gradio's own queue.
AT_ONCE = 64
Sent = dict[str, Any] | None
FILES_OF = "(message) => JSON.stringify((message?.files ?? []).map((file) => file.path))"
TO_CLIPBOARD = "(text) => { navigator.clipboard?.writeText(text); }"


@dataclass(frozen=True, slots=True)
class Shared:
    """What all tabs are given."""

    model: Model
    reader: MediaReader
    answering: Answering
    running: Running
    labels: Labels
    language: gr.Radio
    examples: Path


class Room:
    """Lays the tab out where it is built, and listens to it."""

    def __init__(self, spec: TabSpec, shared: Shared) -> None:
        self._spec, self._shared = spec, shared
        with gr.Row(elem_classes="room"):
            with gr.Column(scale=7, min_width=320, elem_classes="column"):
                self.parts: ChatParts = chat_parts(spec, shared.labels, shared.examples)
            with gr.Column(scale=4, min_width=280, elem_classes="side"):
                self.viewer_parts: ViewerParts = viewer_parts(shared.labels, shared.reader.limits.max_frames)
                self._settings: SettingsPanel = settings_panel(shared.labels)
        self._shelf = gr.State(Shelf())
        self.chat = Chat(spec, shared.answering, shared.running, self.parts)
        self.viewer = Viewer(spec, shared.model, shared.reader, self.viewer_parts)
        shared.labels.add_made(self.viewer_parts.about, self.viewer.invitation)
        self._listen_to_chat()
        self._listen_to_viewer()

    def _listen_to_chat(self) -> None:
        parts, panel = self.parts, self._settings.inputs
        inputs = [parts.conversation, self._shared.language, *panel]
        answering = dict(
            outputs=parts.outputs, show_progress="hidden", api_visibility="private",
            concurrency_id="answering", concurrency_limit=AT_ONCE,
        )  # fmt: skip
        at_once = dict(queue=False, show_progress="hidden", api_visibility="private")
        started = [
            parts.composer.submit(
                self._send, [parts.composer, self._shelf, *self.viewer_parts.controls, *inputs], **answering
            ),
            parts.retry.click(self._retry, inputs, **answering),
        ]
        for card, example in zip(parts.examples, self._spec.examples, strict=True):
            started.append(card.click(self._ask_example(example), inputs, **answering))
        for event in started:
            event.then(**self._look())
        parts.composer.stop(self._stop, **at_once)
        anew = parts.new_chat.click(self._begin_anew, None, [*parts.outputs, self._shelf], **at_once)
        anew.then(**self._look())
        copied = parts.copy.click(last_answer, parts.conversation, parts.copied, **at_once)
        copied.then(None, parts.copied, None, js=TO_CLIPBOARD)
        parts.composer.change(None, parts.composer, parts.waiting, js=FILES_OF, api_visibility="private")
        parts.waiting.change(**self._look())

    def _listen_to_viewer(self) -> None:
        view, at_once = self.viewer_parts, dict(show_progress="hidden", api_visibility="private", queue=False)
        language = self._shared.language
        costed = [self._shelf, self.parts.conversation, language, *view.controls]
        view.pages.input(
            self._recount, costed, [self._shelf, view.cost], trigger_mode="always_last", **at_once
        )
        looked = [view.frames.release, view.start.submit, view.start.blur, view.end.submit, view.end.blur]
        gr.on(looked, **self._look(again=True))
        language.change(**self._look())
        view.picker.input(
            self._pick, [view.picker, self._shelf, self.parts.conversation, language], [self._shelf, *view.outputs], **at_once
        )

    def _look(self, *, again: bool = False) -> dict[str, Any]:
        """The event that makes the viewer show what waits in the composer, or else what was sent."""
        inputs = [self.parts.composer, self._shelf, self.parts.conversation, self._shared.language]
        return dict(
            fn=self._look_again if again else self._look_at,
            inputs=[*inputs, *self.viewer_parts.controls] if again else inputs,
            outputs=[self._shelf, *self.viewer_parts.outputs, self.parts.phase],
            show_progress="hidden", api_visibility="private", concurrency_id="looking", concurrency_limit=AT_ONCE,
        )  # fmt: skip

    async def _send(
        self, request: gr.Request, message: Sent, shelf: Shelf, pages: str, frames: float, start: float,
        end: float | None, conversation: Conversation, language: Language, *settings: Any,
    ) -> AsyncGenerator[Updates, None]:  # fmt: skip
        shelf = shelf.choose(selection_of(pages, frames, start, end, shelf.item))
        files = tuple((path, shelf.selection_of(path)) for path in paths_of(message))
        text = ((message or {}).get("text") or "").strip()
        question = _with_settings(Question(text, files=files), settings)
        async for updates in self.chat.send(question, conversation, Strings(language), str(request.session_hash)):
            yield updates

    async def _retry(
        self, request: gr.Request, conversation: Conversation, language: Language, *settings: Any
    ) -> AsyncGenerator[Updates, None]:
        question, earlier = self.chat.again(conversation)
        question = _with_settings(question, settings)
        async for updates in self.chat.send(question, earlier, Strings(language), str(request.session_hash)):
            yield updates

    def _ask_example(self, example: Example) -> Callable[..., AsyncGenerator[Updates, None]]:
        files = ((self._shared.examples / example.file, Selection()),) if example.file else ()

        async def ask(
            request: gr.Request, conversation: Conversation, language: Language, *settings: Any
        ) -> AsyncGenerator[Updates, None]:
            t = Strings(language)
            question = _with_settings(Question(t(example.key), files=files), settings)
            async for updates in self.chat.send(question, conversation, t, str(request.session_hash)):
                yield updates

        return ask

    def _stop(self, request: gr.Request) -> None:
        self.chat.stop(str(request.session_hash))

    async def _begin_anew(self, request: gr.Request) -> Updates:
        return {**await self.chat.begin_anew(str(request.session_hash)), self._shelf: Shelf()}

    async def _look_at(
        self, request: gr.Request, message: Sent, shelf: Shelf, conversation: Conversation, language: Language
    ) -> AsyncGenerator[Updates, None]:
        busy = self._shared.running.busy(str(request.session_hash), self._spec.name)
        paths = paths_of(message)
        if busy and not paths:
            yield {self._shelf: gr.skip()}
            return
        async for shelf, updates, phase in self.viewer.look(paths, shelf, conversation, Strings(language)):
            updates = {self._shelf: shelf, **updates}
            yield updates if busy else {**updates, self.parts.phase: phase}

    async def _look_again(
        self, request: gr.Request, message: Sent, shelf: Shelf, conversation: Conversation, language: Language,
        pages: str, frames: float, start: float, end: float | None,
    ) -> AsyncGenerator[Updates, None]:  # fmt: skip
        selection = selection_of(pages, frames, start, end, shelf.item)
        if shelf.item is None or selection == shelf.item.selection:
            yield {self._shelf: gr.skip()}
            return
        fresh = shelf.put(Item(shelf.item.path, selection))
        async for updates in self._look_at(request, message, fresh, conversation, language):
            yield updates

    def _recount(
        self, shelf: Shelf, conversation: Conversation, language: Language,
        pages: str, frames: float, start: float, end: float | None,
    ) -> Updates:  # fmt: skip
        shelf = shelf.choose(selection_of(pages, frames, start, end, shelf.item))
        cost = self.viewer.cost(shelf, conversation, Strings(language))
        return {self._shelf: shelf, self.viewer_parts.cost: cost}

    def _pick(self, index: int, shelf: Shelf, conversation: Conversation, language: Language) -> Updates:
        shelf = replace(shelf, current=index)
        return {self._shelf: shelf, **self.viewer.show(shelf, conversation, Strings(language))}


def paths_of(message: Sent) -> list[Path]:
    return [Path(name) for name in (message or {}).get("files") or []]


def _with_settings(question: Question, settings: tuple[Any, ...]) -> Question:
    system_prompt, sampling = settings_of(*settings)
    return replace(question, system_prompt=system_prompt, sampling=sampling)
