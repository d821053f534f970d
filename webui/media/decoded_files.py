"""What has been decoded of the files of all users: outlines, and pages and frames for the model.

A preview decodes the pages that its question will want. They wait here, so that the question
decodes only what is missing.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

from PIL import Image

from webui.media.sandbox.sandbox import Reply
from webui.media.selection.outline import FrameSampling, Outline, Selection
from webui.media.sizes import Size
from webui.media.source_file import SourceFile
from webui.protocol import (
    FileLabel,
    ImagePart,
    MediaLimits,
    ModelInfo,
    PageLabel,
    PageLabelType,
    Progress,
    VideoPart,
)

# Four documents of the flagship's whole context of pages: 38 million pixels, of 4 bytes, each.
MAX_BYTES = 600 * 1024**2
FileKey = tuple[str, tuple[int, ...], str]
# Pillow stores an RGB pixel in four bytes.
BYTES_PER_PIXEL = 4
OnProgress = Callable[[Progress], None]


def ignore(value: object) -> None:
    """For callers that do not watch."""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Which pages or frames are wanted, and for which model: at most `max_tokens` together."""

    selection: Selection
    info: ModelInfo
    max_tokens: int
    limits: MediaLimits


class DecodedFile(ABC):
    """The pages or frames of one file at the sizes of its requests.

    `lock` is held while a child decodes it: a question waits for the child of the preview instead
    of starting its own. `on_progress` belongs to the caller that waits.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.lock = asyncio.Lock()
        self.outline: Outline | None = None
        self.on_progress: OnProgress = ignore
        self.last_used = 0

    @abstractmethod
    def find_parts(self, request: ReadRequest) -> tuple[ImagePart | VideoPart, ...] | None:
        """Return what the request wants, None unless all of it is here.

        Raises PageRangeError, TooManyPagesError or TimeRangeError.
        """

    @abstractmethod
    def add_image(self, values: dict[str, Any], image: Image.Image) -> None:
        """Keep a page or frame that a child sent with these values."""

    @abstractmethod
    def images(self) -> list[Image.Image]: ...

    @abstractmethod
    def clear(self) -> None:
        """Drop all pages and frames; the outline stays."""

    def known_pages(self, request: ReadRequest) -> tuple[int, ...]:
        """Return the wanted pages that are here."""
        return ()

    @property
    def page_label(self) -> PageLabelType:
        """What the pages of the file are called; pictures and videos call none."""
        return PageLabel

    def add_outline(self, reply: Reply) -> None:
        sizes = tuple(to_size(size) for size in reply.values["natural_sizes"])
        duration_s = float(reply.values.get("duration_s", 0.0))
        self.outline = Outline(self.name, sizes, duration_s, self.page_label)

    @property
    def size_bytes(self) -> int:
        pixels = sum(image.width * image.height for image in self.images())
        return pixels * BYTES_PER_PIXEL


class PagedFile(DecodedFile):
    """A document, or a picture as a file of one page, which has no label of its own."""

    def __init__(self, name: str, label: PageLabelType | None) -> None:
        super().__init__(name)
        self.label = label
        self._pages: dict[tuple[int, Size], Image.Image] = {}

    @property
    def page_label(self) -> PageLabelType:
        return self.label or PageLabel

    def find_parts(self, request: ReadRequest) -> tuple[ImagePart | VideoPart, ...] | None:
        if self.outline is None:
            return None
        parts: list[ImagePart] = []
        for page, size in self._page_sizes(self.outline, request).items():
            image = self._pages.get((page, size))
            if image is None:
                return None
            label = self.label(page) if self.label else FileLabel(self.name)
            parts.append(ImagePart(image, label, self.name))
        return tuple(parts)

    def known_pages(self, request: ReadRequest) -> tuple[int, ...]:
        if self.outline is None:
            return ()
        sizes = self._page_sizes(self.outline, request)
        return tuple(page for page, size in sizes.items() if (page, size) in self._pages)

    def _page_sizes(self, outline: Outline, request: ReadRequest) -> dict[int, Size]:
        return outline.page_sizes(
            request.selection, request.info.image, request.max_tokens, request.limits.max_pages
        )

    def add_image(self, values: dict[str, Any], image: Image.Image) -> None:
        self._pages[int(values["page"]), image.size] = image

    def images(self) -> list[Image.Image]:
        return list(self._pages.values())

    def clear(self) -> None:
        self._pages.clear()


class VideoFile(DecodedFile):
    """A video, with the frames of one sampling."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._frames: dict[float, Image.Image] = {}
        self._sampling: FrameSampling | None = None

    def mark_sampled(self, request: ReadRequest) -> None:
        """Remember that the frames are those of the request, and all of them."""
        self._sampling = self._sampling_of(request)

    def find_parts(self, request: ReadRequest) -> tuple[ImagePart | VideoPart, ...] | None:
        sampling = self._sampling_of(request)
        if sampling is None or sampling != self._sampling or not self._frames:
            return None
        times = tuple(sorted(self._frames))
        return (VideoPart(tuple(self._frames[time] for time in times), times, self.name),)

    def _sampling_of(self, request: ReadRequest) -> FrameSampling | None:
        if self.outline is None:
            return None
        max_frames = min(request.limits.max_frames, request.info.max_frames)
        return self.outline.sampling(
            request.selection, request.info.frame, request.max_tokens, max_frames
        )

    def add_image(self, values: dict[str, Any], image: Image.Image) -> None:
        self._frames[float(values["time"])] = image

    def images(self) -> list[Image.Image]:
        return list(self._frames.values())

    def clear(self) -> None:
        self._frames.clear()
        self._sampling = None


class DecodedFiles:
    """Keeps no file alive: a Preview does that, and with the preview its pages go.

    So they are dropped once the file has left the composer. Of all that previews keep alive, the
    least recently used files lose their pages once these take more than `max_bytes` together.
    Owners never share a file.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._files: WeakValueDictionary[FileKey, DecodedFile] = WeakValueDictionary()
        self._clock = count(1)

    def open(self, owner: str, source: SourceFile) -> DecodedFile:
        """Return the file as far as it is decoded for this owner; an owner of "" shares nothing."""
        key = (owner, source.version, source.name)
        decoded = self._files.get(key) if owner else None
        if decoded is None:
            decoded = _new_file(source)
            if owner:
                self._files[key] = decoded
        decoded.last_used = next(self._clock)
        return decoded

    def trim(self) -> None:
        """Drop pages, least recently used files first, until the rest fits the budget."""
        files = sorted(self._files.values(), key=lambda decoded: decoded.last_used)
        total = sum(decoded.size_bytes for decoded in files)
        for decoded in files:
            # A locked file is being decoded: its question would miss the pages.
            if total > self._max_bytes and not decoded.lock.locked():
                total -= decoded.size_bytes
                decoded.clear()

    def forget(self, owner: str) -> None:
        """Drop all pages of this owner, but for files that are being decoded."""
        for (file_owner, *_), decoded in list(self._files.items()):
            if file_owner == owner and not decoded.lock.locked():
                decoded.clear()


def _new_file(source: SourceFile) -> DecodedFile:
    if source.format.kind == "video":
        return VideoFile(source.name)
    return PagedFile(source.name, PageLabel if source.format.kind == "document" else None)


def to_image(reply: Reply) -> Image.Image:
    """Return the RGB image whose pixels a reply carries. Raises ValueError if they do not fit."""
    return Image.frombytes("RGB", to_size(reply.values["size"]), reply.data)


def to_size(values: list[Any]) -> Size:
    """Return a size that a child sent. Raises ValueError or TypeError for anything else."""
    width, height = (int(value) for value in values)
    if width < 1 or height < 1:
        raise ValueError(f"a size of {width} x {height}")
    return width, height
