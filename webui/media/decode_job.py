"""What a child process decodes of one file, and how it answers. Imports no decoder."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, fields
from io import BytesIO
from typing import Any, BinaryIO

from PIL.Image import Image

from webui.errors import AttachmentError
from webui.media.selection.outline import Outline, Selection
from webui.media.sizes import Size
from webui.protocol import PixelBudget

MAX_DETAIL_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class DecodeJob:
    """One job, which travels to the child as JSON.

    `reader` names the module whose `read` does it. The file is at `path`, or its `payload_bytes`
    follow the job on standard input; `identity` is what SourceFile has. `thumbnail_side` in
    pixels and `max_tokens` are 0 where no thumbnails, or no pages for the model, are wanted.
    `known_pages` need not be sent again. The last five fields are the sandbox's to fill in.
    """

    reader: str
    path: str = ""
    identity: tuple[int, int] = (0, 0)
    pages: str = ""
    start_s: float = 0.0
    end_s: float | None = None
    frames: int | None = None
    known_pages: tuple[int, ...] = ()
    thumbnail_side: int = 0
    max_tokens: int = 0
    budget: tuple[int, int, int] = (28, 1, 1)
    max_pages: int = 0
    max_frames: int = 0
    max_video_s: float = 0.0
    max_image_pixels: int = 0
    office: str = ""
    resident_bytes: int = 0
    name: str = ""
    folder: str = ""
    payload_bytes: int = 0
    memory_bytes: int = 0
    file_bytes: int = 0

    @staticmethod
    def from_json(values: dict[str, Any]) -> DecodeJob:
        known = {field.name for field in fields(DecodeJob)}
        job = {name: value for name, value in values.items() if name in known}
        for name in ("identity", "known_pages", "budget"):  # JSON has no tuples
            job[name] = tuple(job.get(name, ()))
        return DecodeJob(**job)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def selection(self) -> Selection:
        return Selection(self.pages, self.start_s, self.end_s, self.frames)

    def page_sizes(self, outline: Outline) -> dict[int, Size]:
        """Map each chosen page to its size for the model."""
        budget = PixelBudget(*self.budget)
        return outline.page_sizes(self.selection, budget, self.max_tokens, self.max_pages)

    def source(self) -> str | BytesIO:
        """Return the path of the file, or its bytes where the parent sent them."""
        if not self.payload_bytes:
            return self.path
        return BytesIO(sys.stdin.buffer.read(self.payload_bytes))


class Reporter:
    """Sends lines of JSON to the parent, and raw bytes behind each line that announces some."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def send(self, **values: Any) -> None:
        self._stream.write(json.dumps(values).encode() + b"\n")
        self._stream.flush()

    def send_progress(self, done: int, total: int) -> None:
        self.send(progress=[done, total])

    def send_bytes(self, data: bytes, **values: Any) -> None:
        self.send(bytes=len(data), **values)
        self._stream.write(data)
        self._stream.flush()

    def send_image(self, image: Image, **values: Any) -> None:
        """Send the pixels of an RGB image."""
        self.send_bytes(image.tobytes(), size=list(image.size), **values)

    def send_error(self, error: AttachmentError, detail: str) -> None:
        """Send the error by name. `detail` is for the log of the parent."""
        params: dict[str, Any] = {}
        for key, value in error.params.items():
            params[key] = value if isinstance(value, int | float) else str(value)
        detail = detail[:MAX_DETAIL_CHARACTERS]
        self.send(error=type(error).__name__, params=params, detail=detail)
