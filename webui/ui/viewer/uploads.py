"""Uploads: the files that wait in the message box, with their previews and selections."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from webui.errors import TooLargeError, WebUIError
from webui.media.reader import Preview, Selection
from webui.protocol import VideoPart
from webui.ui.conversation import Conversation, Picture
from webui.ui.i18n.strings import file_size


@dataclass(frozen=True, slots=True)
class Upload:
    """One file. Before it has been read there is neither preview nor error."""

    path: Path
    selection: Selection = field(default_factory=Selection)
    preview: Preview | None = None
    pictures: tuple[Picture, ...] = ()
    error: WebUIError | None = None

    @property
    def was_read(self) -> bool:
        return self.preview is not None or self.error is not None


@dataclass(frozen=True, slots=True)
class Uploads:
    """`index` is that of the file which the viewer shows."""

    files: tuple[Upload, ...] = ()
    index: int = 0

    @property
    def current(self) -> Upload | None:
        return self.files[self.index] if self.files else None

    def with_paths(self, paths: Iterable[Path]) -> Uploads:
        """Return these files, in this order, with what is known of them. The newest becomes
        current."""
        known = {upload.path: upload for upload in self.files}
        files = tuple(known.get(path, Upload(path)) for path in paths)
        new = [index for index, upload in enumerate(files) if upload.path not in known]
        index = new[-1] if new else min(self.index, max(len(files) - 1, 0))
        return Uploads(files, index)

    def with_upload(self, upload: Upload) -> Uploads:
        """Return the files with `upload` in the place of that with its path."""
        files = tuple(upload if upload.path == other.path else other for other in self.files)
        return replace(self, files=files)

    def with_selection(self, selection: Selection) -> Uploads:
        """Return the files with that selection in the current one."""
        if self.current is None:
            return self
        return self.with_upload(replace(self.current, selection=selection))

    def find(self, path: Path) -> Upload:
        """Return what is known of the file at that path."""
        return next((upload for upload in self.files if upload.path == path), Upload(path))


def mixes_media(uploads: Uploads, conversation: Conversation) -> bool:
    """Return whether the files, together with what the model reads of the past, are both pictures
    and video.
    """
    is_video: set[bool] = set()
    for upload in uploads.files:
        if upload.preview is not None:
            is_video.add(upload.preview.attachment.kind == "video")
    for message in conversation.history():
        media = (part for part in message.parts if not isinstance(part, str))
        is_video |= {isinstance(part, VideoPart) for part in media}
    return len(is_video) == 2


def too_large_errors(files: Iterable[tuple[Any, Any]], limit: int) -> list[TooLargeError]:
    """Return an error for each (name, size in bytes) that the browser kept back.

    Gradio has the same limit, but reports it in English and in bytes.
    """
    return [
        TooLargeError(name=str(name), size=file_size(int(size)), limit=file_size(limit))
        for name, size in files
    ]
