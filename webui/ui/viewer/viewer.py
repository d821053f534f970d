"""Viewer: shows the files in the message box before they are sent.

Pages with a range and their cost, the very frames of a video that the model will see, a picture.
Full-size pictures stay in the server's memory; the page gets thumbnails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from webui.errors import WebUIError
from webui.media.reader import MediaReader, Selection
from webui.protocol import ModelInfo, ModelProvider, Progress, SlideLabel
from webui.ui.conversation import Conversation
from webui.ui.i18n.strings import Strings
from webui.ui.render.messages import error_card
from webui.ui.render.status_line import phase_html, phase_number
from webui.ui.render.thumbnails import preview_thumbnails
from webui.ui.tab_specs import TabSpec, refusal_of
from webui.ui.throttle import throttled
from webui.ui.viewer.components import ViewerComponents
from webui.ui.viewer.html import (
    about_html,
    conversation_html,
    cost_html,
    hint_html,
    mixed_media_html,
    upload_html,
)
from webui.ui.viewer.uploads import Upload, Uploads, mixes_media, too_large_errors


def selection_of(
    pages: str, frames: float, start: float | None, end: float | None, upload: Upload | None
) -> Selection:
    """Return what the controls select in a file; controls of other kinds of file are ignored."""
    if upload is None or upload.preview is None:
        return Selection()
    kind = upload.preview.attachment.kind
    if kind == "document":
        return Selection(pages=pages or "")
    if kind == "video":
        return Selection(start_s=start or 0.0, end_s=end, frames=int(frames))
    return Selection()


class Viewer:
    """Shows the files of one tab. Built once; a user's files come in and go out as values."""

    def __init__(
        self,
        spec: TabSpec,
        model: ModelProvider,
        reader: MediaReader,
        components: ViewerComponents,
    ) -> None:
        self._spec, self._model, self._reader = spec, model, reader
        self._components = components

    async def preview(
        self,
        paths: list[Path],
        uploads: Uploads,
        conversation: Conversation,
        strings: Strings,
        model_name: str = "",
        *,
        owner: str = "",
    ) -> AsyncGenerator[tuple[Uploads, dict[Any, Any], str], None]:
        """Yield (uploads, component updates, phase line) while the files become pages and frames.

        The sizes are those of the model called `model_name`; conversions count against `owner`.
        """
        all_removed = bool(uploads.files) and not paths
        uploads = uploads.with_paths(paths)
        info = self._model.status(model_name).info
        max_tokens = conversation.media_tokens_left(info) // max(len(uploads.files), 1)
        unread = [upload for upload in uploads.files if not upload.was_read]
        for upload in unread:
            steps = self._read_upload(upload, strings, info, max_tokens, owner)
            async with aclosing(steps):
                async for phase, read_upload in steps:
                    if read_upload is None:
                        yield uploads, {}, phase
                        continue
                    uploads = uploads.with_upload(read_upload)
                    yield uploads, self.show(uploads, conversation, strings, model_name), ""
        # What was read is shown. To show it again would undo a selection made in between.
        if not unread:
            updates = self.show(uploads, conversation, strings, model_name)
            if all_removed:
                updates[self._components.refused] = ""
            yield uploads, updates, ""

    async def _read_upload(
        self, upload: Upload, strings: Strings, info: ModelInfo, max_tokens: int, owner: str
    ) -> AsyncGenerator[tuple[str, Upload | None], None]:
        """Yield (phase line, None) while the file is read; at the end ("", the upload as read)."""
        name, refusal = upload.path.name, refusal_of(upload.path, self._spec, strings)
        if refusal is not None:
            yield "", replace(upload, error=refusal)
            return
        read_uploads: list[Upload] = []

        async def work(put: Callable[[Progress], None]) -> None:
            preview = await self._reader.preview(
                upload.path, info, upload.selection, max_tokens, owner=owner, on_progress=put
            )
            pictures = await asyncio.to_thread(preview_thumbnails, preview)
            read_uploads.append(replace(upload, preview=preview, pictures=pictures))

        progress, started = Progress("converting"), time.monotonic()
        try:
            async with aclosing(throttled(work)) as batches:
                async for events in batches:
                    progress = events[-1] if events else progress
                    number = phase_number(progress, strings, time.monotonic() - started)
                    yield phase_html(strings(f"phase_{progress.phase}", name=name), number), None
        except WebUIError as error:
            read_uploads.append(replace(upload, error=error))
        for read_upload in read_uploads:
            yield "", read_upload

    def show(
        self, uploads: Uploads, conversation: Conversation, strings: Strings, model_name: str = ""
    ) -> dict[Any, Any]:
        """Return updates that show the current file, or the pages that were sent last."""
        components, current = self._components, uploads.current
        preview = current.preview if current else None
        kind = preview.attachment.kind if preview else ""
        names = [(upload.path.name, index) for index, upload in enumerate(uploads.files)]
        pages_key = "slides" if preview and preview.page_label is SlideLabel else "pages"
        sent_pages = conversation_html(conversation, strings)
        updates: dict[Any, Any] = {
            components.picker: gr.update(
                choices=names, value=uploads.index, visible=len(names) > 1
            ),
            components.pages: gr.update(
                visible=kind == "document",
                value=current.selection.pages if current else "",
                label=strings(pages_key),
                placeholder=strings(f"{pages_key}_hint"),
            ),
            components.sheet: upload_html(current, strings) if current else sent_pages,
            components.cost: self.cost(uploads, conversation, strings, model_name),
        }
        return updates | self._video_updates(current if kind == "video" else None, model_name)

    def _video_updates(self, upload: Upload | None, model_name: str) -> dict[Any, Any]:
        """Return updates of the controls of a video; None hides them."""
        components = self._components
        preview = upload.preview if upload else None
        selection = upload.selection if upload else Selection()
        duration = round(preview.duration_s, 1) if preview else None
        max_frames = min(
            self._reader.limits.max_frames, self._model.status(model_name).info.max_frames
        )
        return {
            components.frames: gr.update(
                visible=bool(preview),
                value=len(preview.timestamps) if preview else 1,
                maximum=max_frames,
            ),
            components.start: gr.update(visible=bool(preview), value=selection.start_s),
            components.end: gr.update(visible=bool(preview), value=selection.end_s or duration),
        }

    def show_too_large(self, event: gr.EventData, language: str) -> str:
        """Return cards for the files that the browser kept back: (name, size in bytes) each.

        They stay until files are added, removed or sent.
        """
        strings = Strings(language)
        errors = too_large_errors(event.files, self._reader.limits.max_file_bytes)
        return "".join(error_card(error, strings) for error in errors)

    def hide_controls(self) -> dict[Any, Any]:
        """Return updates for when the files have been sent: their pages stay visible."""
        components = self._components
        updates: dict[Any, Any] = {
            control: gr.update(visible=False)
            for control in (components.picker, *components.controls)
        }
        return updates | {components.cost: "", components.refused: ""}

    def cost(
        self, uploads: Uploads, conversation: Conversation, strings: Strings, model_name: str = ""
    ) -> str:
        """Return the tokens of the current file against its share of those left, as HTML.

        Above them stands whether the files cannot be sent together, or in this conversation.
        """
        if uploads.current is None:
            return ""
        info = self._model.status(model_name).info
        max_tokens = conversation.media_tokens_left(info) // len(uploads.files)
        mixed = mixed_media_html(strings) if mixes_media(uploads, conversation) else ""
        return mixed + cost_html(uploads.current, info, max_tokens, strings)

    def invitation(self, strings: Strings, model_name: str = "") -> str:
        """Return what the model takes, as HTML, for an empty viewer."""
        hint = hint_html(strings(f"viewer_{self._spec.name}")) if self._spec.files else ""
        return hint + about_html(
            self._model.status(model_name), self._reader.limits, strings, files=self._spec.files
        )
