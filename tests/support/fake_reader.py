"""A stand-in for MediaReader: pages are plain coloured pictures, made at once or step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from webui.errors import PageRangeError, WebUIError
from webui.media.reader import Preview, Selection
from webui.protocol import (
    Attachment,
    ImagePart,
    MediaLimits,
    ModelInfo,
    PageLabel,
    Progress,
    SlideLabel,
    VideoPart,
)


class FakePreview(Preview):
    """A preview whose pages cost 100 tokens each; page 99 does not exist."""

    def cost(self, selection: Selection, info: ModelInfo, max_tokens: int) -> tuple[int, int]:
        if selection.pages == "99":
            raise PageRangeError(value="99", name=self.attachment.name, pages=self.count)
        chosen = len(selection.pages.split(",")) if selection.pages else self.count
        return chosen, min(chosen * 100, max_tokens)


@dataclass
class FakeReader:
    """Makes three pages of a document, four frames of a video, else one picture.

    Raises `error` where there is one. With `ahead`, reports that many conversions before its own.
    """

    error: WebUIError | None = None
    step_s: float = 0.0
    limits: MediaLimits = field(default_factory=MediaLimits)
    loaded: list[tuple[str, Selection, int]] = field(default_factory=list)
    owners: set[str] = field(default_factory=set)
    ahead: int | None = None
    previewed: list[tuple[str, int]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    async def preview(
        self,
        path: Path,
        info: ModelInfo,
        selection: Selection | None = None,
        max_tokens: int = 0,
        *,
        owner: str = "",
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> FakePreview:
        self.owners.add(owner)
        self.previewed.append((path.name, max_tokens))
        if self.error is not None:
            raise self.error
        if self.ahead is not None:
            on_progress(Progress("queued", self.ahead))
            await asyncio.sleep(self.step_s)
        kinds = {".mp4": ("video", 4), ".pdf": ("document", 3), ".pptx": ("document", 3)}
        kind, count = kinds.get(path.suffix, ("image", 1))
        for index in range(count):
            on_progress(Progress("converting", index, count))
            await asyncio.sleep(self.step_s)
        pages = tuple(Image.new("RGB", (60, 80), (50 * index, 90, 160)) for index in range(count))
        times = tuple(index * 0.5 for index in range(count)) if kind == "video" else ()
        attachment = Attachment(path, kind)  # type: ignore[arg-type]
        duration_s = 2.0 if times else 0.0
        sizes = ((60, 80),) * count
        label = SlideLabel if path.suffix == ".pptx" else PageLabel
        return FakePreview(attachment, count, sizes, pages, times, duration_s, page_label=label)

    def forget(self, owner: str) -> None:
        self.forgotten.append(owner)

    async def load(
        self,
        path: Path,
        info: ModelInfo,
        selection: Selection,
        max_tokens: int,
        *,
        owner: str = "",
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> tuple[ImagePart | VideoPart, ...]:
        self.loaded.append((path.name, selection, max_tokens))
        preview = await self.preview(path, info, selection, owner=owner, on_progress=on_progress)
        if preview.timestamps:
            return (VideoPart(preview.thumbnails, preview.timestamps, path.name),)
        return tuple(
            ImagePart(page, preview.page_label(number), path.name)
            for number, page in enumerate(preview.thumbnails, 1)
        )
