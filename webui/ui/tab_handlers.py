"""TabHandlers: events that concern both the conversation and the viewer of one tab.

Gradio fills in a `request` by its annotation; it must come first, before the inputs.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from webui.protocol import ModelProvider
from webui.ui.chat.components import ChatComponents
from webui.ui.chat.controller import ChatController, Updates
from webui.ui.chat.generate import Question
from webui.ui.conversation import Conversation
from webui.ui.i18n.strings import Strings
from webui.ui.page_sessions import PageSessions, owner_of, session_of
from webui.ui.tab_specs import Example
from webui.ui.viewer.components import ViewerComponents
from webui.ui.viewer.uploads import Upload, Uploads
from webui.ui.viewer.viewer import Viewer, selection_of

# The value of the message box: its text and the paths of its files.
Composed = dict[str, Any] | None


class TabHandlers:
    """Bound to the components of one tab; a user's state comes in and goes out as values.

    The state `uploads` holds the files that wait in the message box, `pending` the question that is
    to be answered next, and `examples` is the folder of the example files. `model` knows which
    model answers an example.
    """

    def __init__(
        self,
        chat: ChatController,
        viewer: Viewer,
        chat_components: ChatComponents,
        viewer_components: ViewerComponents,
        sessions: PageSessions,
        *,
        model: ModelProvider,
        uploads: gr.State,
        pending: gr.State,
        examples: Path,
    ) -> None:
        self._chat, self._viewer, self._sessions = chat, viewer, sessions
        self._chat_components, self._viewer_components = chat_components, viewer_components
        self._uploads, self._pending, self._examples = uploads, pending, examples
        self._model = model

    def collect_message(
        self,
        request: gr.Request,
        message: Composed,
        uploads: Uploads,
        pages: str,
        frames: float,
        start: float,
        end: float | None,
    ) -> Updates:
        """Move the message from its box to the pending question; while busy, leave it there."""
        if self._chat.is_generating(session_of(request)):
            return {self._pending: Question("")}
        uploads = uploads.with_selection(selection_of(pages, frames, start, end, uploads.current))
        files = tuple(map(uploads.find, paths_of(message)))
        text = ((message or {}).get("text") or "").strip()
        return {
            self._pending: Question(text, typed=True, files=files),
            self._chat_components.composer: gr.update(value=None),
        }

    def collect_retry(self, request: gr.Request, conversation: Conversation) -> Question:
        """Return the last question again, with its files as they were read the first time."""
        if self._chat.is_generating(session_of(request)) or not conversation.turns:
            return Question("")
        turn = conversation.turns[-1]
        return Question(
            turn.question.text, retry=True, parts=turn.media_parts, pictures=turn.pictures
        )

    def example_collector(self, example: Example) -> Callable[..., Question]:
        """Return the handler that makes an example the pending question.

        The question may be in another language than its card: the bundled model knows few.
        """
        files = (Upload(self._examples / example.file),) if example.file else ()

        def collect_example(request: gr.Request, language: str) -> Question:
            model_name = self._sessions.model_name(session_of(request))
            strings = Strings(language).readable_by(self._model.status(model_name).info)
            return Question(strings(example.key), files=files)

        return collect_example

    async def new_chat(self, request: gr.Request) -> Updates:
        emptied = {self._uploads: Uploads(), self._viewer_components.refused: ""}
        return await self._chat.new_chat(request) | emptied

    async def preview_uploads(
        self,
        request: gr.Request,
        message: Composed,
        uploads: Uploads,
        conversation: Conversation,
        language: str,
    ) -> AsyncGenerator[Updates, None]:
        """Show the files that wait in the message box, or else the pages that were sent."""
        session = session_of(request)
        is_generating = self._chat.is_generating(session)
        paths = paths_of(message)
        if is_generating and not paths:
            yield self._viewer.hide_controls()
            return
        steps = self._viewer.preview(
            paths,
            uploads,
            conversation,
            Strings(self._sessions.language(session, language)),
            self._sessions.model_name(session),
            owner=owner_of(request),
        )
        async with aclosing(steps):
            async for previewed, updates, phase in steps:
                changed = {self._uploads: previewed, **updates}
                # While an answer is written, the phase line belongs to it.
                yield changed if is_generating else changed | {self._chat_components.phase: phase}

    async def resample_frames(
        self,
        request: gr.Request,
        message: Composed,
        uploads: Uploads,
        conversation: Conversation,
        language: str,
        pages: str,
        frames: float,
        start: float,
        end: float | None,
    ) -> AsyncGenerator[Updates, None]:
        """Preview the current file again if the controls select other frames of it."""
        current = uploads.current
        selection = selection_of(pages, frames, start, end, current)
        if current is None or selection == current.selection:
            yield {self._uploads: gr.skip()}
            return
        unread = uploads.with_upload(Upload(current.path, selection))
        steps = self.preview_uploads(request, message, unread, conversation, language)
        async with aclosing(steps):
            async for updates in steps:
                yield updates

    def update_cost(
        self,
        request: gr.Request,
        uploads: Uploads,
        conversation: Conversation,
        language: str,
        pages: str,
        frames: float,
        start: float,
        end: float | None,
    ) -> Updates:
        """Select other pages. Nothing is drawn again: only the cost and the dimming change."""
        uploads = uploads.with_selection(selection_of(pages, frames, start, end, uploads.current))
        model_name = self._sessions.model_name(session_of(request))
        cost = self._viewer.cost(uploads, conversation, Strings(language), model_name)
        return {self._uploads: uploads, self._viewer_components.cost: cost}

    def select_upload(
        self,
        request: gr.Request,
        index: int,
        uploads: Uploads,
        conversation: Conversation,
        language: str,
    ) -> Updates:
        """Show another one of several files."""
        uploads = replace(uploads, index=index)
        model_name = self._sessions.model_name(session_of(request))
        shown = self._viewer.show(uploads, conversation, Strings(language), model_name)
        return {self._uploads: uploads, **shown}


def paths_of(message: Composed) -> list[Path]:
    return [Path(name) for name in (message or {}).get("files") or []]
