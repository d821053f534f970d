"""The viewer beside a conversation: looks at the files in the message box before they are sent.

Pages with a range and their cost, the very frames of a video, a picture. Full-size pictures stay in memory; the page
gets small ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from webui.errors import UnsupportedTypeError, WebUIError
from webui.media.reader import MediaReader, Preview, Selection
from webui.protocol import MediaLimits, ModelProvider, Progress
from webui.ui.conversation import Conversation, Picture
from webui.ui.i18n.labels import Labels
from webui.ui.i18n.strings import Strings
from webui.ui.render.messages import error_card
from webui.ui.render.status_line import phase_html, phase_number
from webui.ui.render.thumbnails import picture
from webui.ui.tab_specs import TabSpec
from webui.ui.throttle import throttled
from webui.ui.viewer.html import about_html, conversation_html, cost_html, hint_html, item_html
from webui.ui.viewer.size_guard import GUARD, too_large
from webui.ui.viewer.uploads import Upload, Uploads


@dataclass(frozen=True, slots=True)
class ViewerComponents:
    """The components of one viewer."""

    picker: gr.Radio
    pages: gr.Textbox
    frames: gr.Slider
    start: gr.Number
    end: gr.Number
    refused: gr.HTML
    cost: gr.HTML
    sheet: gr.HTML
    about: gr.HTML

    @property
    def controls(self) -> list[gr.components.Component]:
        return [self.pages, self.frames, self.start, self.end]

    @property
    def outputs(self) -> list[gr.components.Component]:
        return [self.picker, *self.controls, self.refused, self.cost, self.sheet]


def viewer_components(labels: Labels, limits: MediaLimits) -> ViewerComponents:
    picker = gr.Radio([], visible=False, elem_classes="picker")
    with gr.Row(elem_classes="choose"):
        pages = gr.Textbox(visible=False, max_lines=1, scale=2, elem_classes="pages")
        # Begins at 1: a model may take fewer frames than we do, and Gradio refuses events with more than the maximum.
        frames = gr.Slider(1, limits.max_frames, 1, step=1, visible=False, scale=2, buttons=[])
        start = gr.Number(0, minimum=0, visible=False, min_width=80)
        end = gr.Number(None, minimum=0, visible=False, min_width=80)
    refused = gr.HTML(
        "", elem_classes="refused", js_on_load=GUARD, max_file_bytes=limits.max_file_bytes
    )
    shown = (refused, gr.HTML(), gr.HTML(elem_classes="viewer"), gr.HTML(elem_classes="invitation"))
    parts = ViewerComponents(picker, pages, frames, start, end, *shown)
    labels.add(picker, label="file")
    labels.add(pages, label="pages", placeholder="pages_hint")
    labels.add(frames, label="frames")
    labels.add(start, label="from")
    labels.add(end, label="to")
    return parts


def selection_of(
    pages: str, frames: float, start: float | None, end: float | None, item: Upload | None
) -> Selection:
    """What the controls say about a file; controls of other kinds of file say nothing about it."""
    if item is None or item.preview is None:
        return Selection()
    kind = item.preview.attachment.kind
    if kind == "document":
        return Selection(pages=pages or "")
    if kind == "video":
        return Selection(start_s=start or 0.0, end_s=end, frames=int(frames))
    return Selection()


class Viewer:
    """Shows one tab's files. Built once; what belongs to a visitor comes in and goes out as values."""

    def __init__(
        self, spec: TabSpec, model: ModelProvider, reader: MediaReader, parts: ViewerComponents
    ) -> None:
        self._spec, self._model, self._reader, self._parts = spec, model, reader, parts

    def room(self, conversation: Conversation, files: int, model: str = "") -> int:
        """Visual tokens that each of so many new files may take."""
        info = self._model.status(model).info
        return max(info.media_tokens - conversation.media_tokens(info), 0) // max(files, 1)

    async def look(
        self,
        paths: list[Path],
        shelf: Uploads,
        conversation: Conversation,
        strings: Strings,
        model: str = "",
        *,
        owner: str = "",
    ) -> AsyncGenerator[tuple[Uploads, dict[Any, Any], str], None]:
        """(shelf, component updates, phase line), as the files become pages and frames at that model's sizes.

        They are converted in that owner's turns.
        """
        taken_away = bool(shelf.items) and not paths
        shelf = shelf.with_paths(paths)
        for item in shelf.items:
            if item.seen:
                continue
            async with aclosing(self._preview(item, strings, model, owner)) as steps:
                async for phase, done in steps:
                    if done is not None:
                        shelf = shelf.put(done)
                        yield shelf, self.show(shelf, conversation, strings, model), ""
                    else:
                        yield shelf, {}, phase
        updates = self.show(shelf, conversation, strings, model)
        yield shelf, updates | {self._parts.refused: ""} if taken_away else updates, ""

    async def _preview(
        self, item: Upload, strings: Strings, model: str, owner: str
    ) -> AsyncGenerator[tuple[str, Upload | None], None]:
        name, suffixes = item.path.name, self._spec.suffixes
        if not self._spec.files or (suffixes and item.path.suffix.lower() not in suffixes):
            yield (
                "",
                replace(
                    item,
                    error=UnsupportedTypeError(name=name, accepted=self._spec.accepted(strings)),
                ),
            )
            return
        found: list[Upload] = []

        async def work(put: Callable[[Progress], None]) -> None:
            info = self._model.status(model).info
            preview = await self._reader.preview(
                item.path, info, item.selection, owner=owner, on_progress=put
            )
            pictures = await asyncio.to_thread(_pictures, preview)
            found.append(replace(item, preview=preview, pictures=pictures))

        progress, started = Progress("converting"), time.monotonic()
        try:
            async with aclosing(throttled(work)) as ticks:
                async for events in ticks:
                    progress = events[-1] if events else progress
                    number = phase_number(progress, strings, time.monotonic() - started)
                    yield phase_html(strings(f"phase_{progress.phase}", name=name), number), None
        except WebUIError as error:
            found.append(replace(item, error=error))
        for done in found:
            yield "", done

    def show(
        self, shelf: Uploads, conversation: Conversation, strings: Strings, model: str = ""
    ) -> dict[Any, Any]:
        """Updates that make the viewer show the file looked at, or what was sent, or an invitation."""
        parts, item = self._parts, shelf.item
        kind = item.preview.attachment.kind if item and item.preview else ""
        names = [(entry.path.name, index) for index, entry in enumerate(shelf.items)]
        updates: dict[Any, Any] = {
            parts.picker: gr.update(choices=names, value=shelf.current, visible=len(names) > 1),
            parts.pages: gr.update(
                visible=kind == "document", value=item.selection.pages if item else ""
            ),
            parts.sheet: item_html(item, strings)
            if item
            else conversation_html(conversation, strings),
            parts.cost: self.cost(shelf, conversation, strings, model),
        }
        video = item.preview if item and kind == "video" else None
        chosen = item.selection if item and video else Selection()
        most = min(self._reader.limits.max_frames, self._model.status(model).info.max_frames)
        sampled = len(video.timestamps) if video else 1
        updates[parts.frames] = gr.update(visible=bool(video), value=sampled, maximum=most)
        updates[parts.start] = gr.update(visible=bool(video), value=chosen.start_s)
        duration = round(video.duration_s, 1) if video else None
        updates[parts.end] = gr.update(visible=bool(video), value=chosen.end_s or duration)
        return updates

    def refuse(self, files: list[tuple[Any, Any]], strings: Strings) -> dict[Any, Any]:
        """Files of so many bytes are too large; it stays to be read until files are added, taken away or sent."""
        errors = too_large(files, self._reader.limits.max_file_bytes)
        return {self._parts.refused: "".join(error_card(error, strings) for error in errors)}

    def put_away(self) -> dict[Any, Any]:
        """The files have been sent: there is nothing left to choose, their pages stay in sight."""
        parts = self._parts
        return {
            control: gr.update(visible=False) for control in (parts.picker, *parts.controls)
        } | {
            parts.cost: "",
            parts.refused: "",
        }

    def cost(
        self, shelf: Uploads, conversation: Conversation, strings: Strings, model: str = ""
    ) -> str:
        item = shelf.item
        if item is None:
            return ""
        return cost_html(
            item,
            self._model.status(model).info,
            self.room(conversation, len(shelf.items), model),
            strings,
        )

    def invitation(self, strings: Strings, model: str = "") -> str:
        """Shown while there is nothing to look at: what that model takes."""
        hint = hint_html(strings(f"viewer_{self._spec.name}")) if self._spec.files else ""
        return hint + about_html(
            self._model.status(model), self._reader.limits, strings, files=self._spec.files
        )


def _pictures(preview: Preview) -> tuple[Picture, ...]:
    return tuple(map(picture, preview.thumbnails, preview.labels))
