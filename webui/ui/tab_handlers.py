"""What one tab's events do: Gradio's inputs become values for chat and viewer, and their updates go back.

Gradio fills the `request` in by its annotation; it must stand first, before the inputs.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from webui.access.visitors import visitor_of
from webui.media.reader import Selection
from webui.ui.chat.components import ChatComponents
from webui.ui.chat.controller import Chat, Updates
from webui.ui.chat.generate import Question
from webui.ui.chat.settings_panel import settings_of
from webui.ui.conversation import Conversation
from webui.ui.i18n.strings import Strings
from webui.ui.tab_specs import Example
from webui.ui.viewer.uploads import Upload, Uploads
from webui.ui.viewer.viewer import Viewer, ViewerComponents, selection_of

Sent = dict[str, Any] | None
Stream = AsyncGenerator[Updates, None]


class TabHandlers:
    """Bound to one tab's components; what belongs to a visitor is passed in.

    `states` hold the files that wait (a Uploads) and the message that was taken out of the box (a Question).
    """

    def __init__(
        self,
        chat: Chat,
        viewer: Viewer,
        parts: ChatComponents,
        view: ViewerComponents,
        states: tuple[gr.State, gr.State],
        examples: Path,
    ) -> None:
        self._chat, self._viewer, self._parts, self._view = chat, viewer, parts, view
        self._shelf, self._taken = states
        self._examples = examples

    def take(
        self, request: gr.Request, message: Sent, shelf: Uploads, pages: str, frames: float, start: float,
        end: float | None,
    ) -> Updates:  # fmt: skip
        """Empty the message box; what was in it waits in a state for `send`."""
        if self._chat.busy(session_of(request)):
            return {self._taken: Question("")}
        shelf = shelf.choose(selection_of(pages, frames, start, end, shelf.item))
        files = tuple((path, shelf.selection_of(path)) for path in paths_of(message))
        text = ((message or {}).get("text") or "").strip()
        return {
            self._taken: Question(text, typed=True, files=files),
            self._parts.composer: gr.update(value=None),
        }

    async def send(
        self,
        request: gr.Request,
        taken: Question,
        conversation: Conversation,
        language: str,
        *settings: Any,
    ) -> Stream:
        question = with_settings(taken, settings)
        async with aclosing(self._send(request, question, conversation, language)) as answer:
            async for updates in answer:
                yield updates

    def _send(
        self,
        request: gr.Request,
        question: Question,
        conversation: Conversation,
        language: str,
    ) -> Stream:
        return self._chat.send(
            question, conversation, Strings(language), session_of(request), owner_of(request)
        )

    async def retry(
        self, request: gr.Request, conversation: Conversation, language: str, *settings: Any
    ) -> Stream:
        question, earlier = self._chat.again(conversation)
        question = with_settings(question, settings)
        async with aclosing(self._send(request, question, earlier, language)) as answer:
            async for updates in answer:
                yield updates

    def ask(self, example: Example) -> Callable[..., Stream]:
        """A handler that sends an example at once."""
        files = ((self._examples / example.file, Selection()),) if example.file else ()

        async def send_example(
            request: gr.Request, conversation: Conversation, language: str, *settings: Any
        ) -> Stream:
            question = with_settings(
                Question(Strings(language)(example.key), files=files), settings
            )
            async with aclosing(self._send(request, question, conversation, language)) as answer:
                async for updates in answer:
                    yield updates

        return send_example

    def stop(self, request: gr.Request) -> None:
        self._chat.stop(session_of(request))

    def answer_now(self, request: gr.Request) -> Updates:
        return self._chat.answer_now(session_of(request))

    async def begin_anew(self, request: gr.Request) -> Updates:
        return {
            **await self._chat.begin_anew(session_of(request)),
            self._shelf: Uploads(),
            self._view.refused: "",
        }

    def copy(self, conversation: Conversation, language: str) -> Updates:
        return self._chat.copy(conversation, Strings(language))

    async def look(
        self,
        request: gr.Request,
        message: Sent,
        shelf: Uploads,
        conversation: Conversation,
        language: str,
    ) -> Stream:
        """Show what waits in the message box, or else what was sent."""
        busy = self._chat.busy(session_of(request))
        paths = paths_of(message)
        if busy and not paths:
            yield self._viewer.put_away()
            return
        session = session_of(request)
        model, strings = (
            self._chat.model_of(session),
            Strings(self._chat.language_of(session, language)),
        )
        async with aclosing(
            self._viewer.look(paths, shelf, conversation, strings, model, owner=owner_of(request))
        ) as looks:
            async for seen, updates, phase in looks:
                shown = {self._shelf: seen, **updates}
                yield shown if busy else {**shown, self._parts.phase: phase}

    async def look_again(
        self, request: gr.Request, message: Sent, shelf: Uploads, conversation: Conversation, language: str,
        pages: str, frames: float, start: float, end: float | None,
    ) -> Stream:  # fmt: skip
        """The controls ask for other frames of the same file."""
        selection = selection_of(pages, frames, start, end, shelf.item)
        if shelf.item is None or selection == shelf.item.selection:
            yield {self._shelf: gr.skip()}
            return
        fresh = shelf.put(Upload(shelf.item.path, selection))
        async with aclosing(self.look(request, message, fresh, conversation, language)) as looks:
            async for updates in looks:
                yield updates

    def recount(
        self, request: gr.Request, shelf: Uploads, conversation: Conversation, language: str,
        pages: str, frames: float, start: float, end: float | None,
    ) -> Updates:  # fmt: skip
        """Other pages were chosen: nothing is drawn anew, only their cost changes."""
        shelf = shelf.choose(selection_of(pages, frames, start, end, shelf.item))
        cost = self._viewer.cost(
            shelf, conversation, Strings(language), self._chat.model_of(session_of(request))
        )
        return {self._shelf: shelf, self._view.cost: cost}

    def refuse(self, event: gr.EventData, language: str) -> Updates:
        """The browser kept back files that are too large."""
        return self._viewer.refuse(event.files, Strings(language))

    def pick(
        self,
        request: gr.Request,
        index: int,
        shelf: Uploads,
        conversation: Conversation,
        language: str,
    ) -> Updates:
        shelf = replace(shelf, current=index)
        model = self._chat.model_of(session_of(request))
        return {
            self._shelf: shelf,
            **self._viewer.show(shelf, conversation, Strings(language), model),
        }


def session_of(request: gr.Request) -> str:
    return str(request.session_hash)


def owner_of(request: gr.Request) -> str:
    """Whose turn it counts as when many wait."""
    return visitor_of(request.request.scope).owner if request.request else ""


def paths_of(message: Sent) -> list[Path]:
    return [Path(name) for name in (message or {}).get("files") or []]


def with_settings(question: Question, settings: tuple[Any, ...]) -> Question:
    system_prompt, sampling = settings_of(*settings)
    return replace(question, system_prompt=system_prompt, sampling=sampling)
