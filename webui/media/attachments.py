"""The door for files: recognise by bytes, apply the limits, and have a child process make pages or frames of it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL.Image import Image

from webui.errors import TooLargeError, UnsupportedTypeError
from webui.media.decks import DeckShelf
from webui.media.pages import parse_pages
from webui.media.sandbox import Limits, Reply, megabytes, run
from webui.media.sniff import Sniffed, sniff
from webui.protocol import Attachment, ImagePart, MediaLimits, ModelInfo, Progress, VideoPart

AT_ONCE = 2
# LibreOffice reserves far more address space than it uses.
OFFICE_MEMORY_BYTES = 8 * 1024**3
THUMBNAIL_SIDE = 480
OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """For callers who do not watch."""


def find_office() -> str | None:
    """The path of LibreOffice, if it is installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a file is wanted. `pages` "" means the first ones; `frames` None leaves the number to us."""

    pages: str = ""
    start_s: float = 0.0
    end_s: float | None = None
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a person sees before sending: `count` pages or frames, natural `sizes` in pixels, small RGB thumbnails.

    Thumbnails stop at the page limit, sizes do not. `notice` is "drawn_without_office" for a deck drawn without
    LibreOffice.
    """

    attachment: Attachment
    count: int
    sizes: tuple[tuple[int, int], ...]
    thumbnails: tuple[Image, ...]
    timestamps: tuple[float, ...] = ()
    duration_s: float = 0.0
    notice: str = ""
    max_pages: int = MediaLimits().max_pages

    def cost(self, selection: Selection, info: ModelInfo, max_tokens: int) -> tuple[int, int]:
        """How many pages or frames are chosen, and the visual tokens that they take once fitted.

        Raises PageRangeError or TooManyPagesError.
        """
        if self.attachment.kind == "video":
            pairs = (self.count + 1) // 2
            return self.count, pairs * info.frame.share(pairs, max_tokens).tokens(*self.sizes[0])
        pages = parse_pages(selection.pages, self.count, self.max_pages, self.attachment.name)
        budget = info.image.share(len(pages), max_tokens)
        return len(pages), sum(budget.tokens(*self.sizes[page - 1]) for page in pages)


class MediaReader:
    """Files to previews and parts. `office` is the path of LibreOffice, None if there is none."""

    def __init__(self, limits: MediaLimits, *, office: str | None) -> None:
        self.limits = limits
        self._office = office
        self._decks = DeckShelf()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def preview(
        self, path: Path, info: ModelInfo, selection: Selection = Selection(), *, on_progress: OnProgress = ignore
    ) -> Preview:
        """Raises an AttachmentError."""
        sniffed = self._sniff(path)
        attachment, limit = Attachment(path, sniffed.kind), self.limits.max_pages
        if sniffed.kind == "video":
            head, *frames = await self._read(path, sniffed, info, selection, info.media_tokens, on_progress)
            images = tuple(thumbnail(reply.image) for reply in frames if reply.image)
            sizes = (tuple(head.values["natural"]),) * len(images)
            times, duration = tuple(head.values["times"]), head.values["duration_s"]
            return Preview(attachment, len(images), sizes, images, times, duration, max_pages=limit)
        replies = await self._read(path, sniffed, info, Selection(), 0, on_progress)
        images = tuple(reply.image for reply in replies if reply.image)
        natural = replies[0].values["natural"]
        sizes = (tuple(natural),) if sniffed.kind == "image" else tuple(map(tuple, natural))
        notice = "drawn_without_office" if sniffed.format == "pptx" and not self._office else ""
        return Preview(attachment, len(sizes), sizes, images, notice=notice, max_pages=limit)

    async def load(
        self, path: Path, info: ModelInfo, selection: Selection, max_tokens: int, *, on_progress: OnProgress = ignore
    ) -> tuple[ImagePart | VideoPart, ...]:
        """The chosen pages or frames at the sizes that the model sees. Raises an AttachmentError."""
        sniffed = self._sniff(path)
        head, *rest = await self._read(path, sniffed, info, selection, max(max_tokens, 1), on_progress)
        images = tuple(reply.image for reply in (head, *rest) if reply.image)
        if sniffed.kind == "video":
            return (VideoPart(images, tuple(head.values["times"]), path.name),)
        if sniffed.kind == "image":
            return (ImagePart(images[0], path.name, path.name),)
        word = "p." if sniffed.format == "pdf" else "slide"
        pages = head.values["pages"]
        return tuple(
            ImagePart(image, f"{path.name} {word} {page}", path.name) for page, image in zip(pages, images, strict=True)
        )

    async def load_image_bytes(self, data: bytes, name: str, info: ModelInfo) -> ImagePart:
        """A picture that did not come as a file. Raises an AttachmentError."""
        with TemporaryDirectory(prefix="webui-") as folder:
            path = Path(folder, "picture")
            await asyncio.to_thread(path.write_bytes, data)
            sniffed = self._sniff(path, name)
            if sniffed.format != "picture":
                raise UnsupportedTypeError(name=name, accepted="PNG, JPEG, WebP, GIF, BMP, TIFF")
            (reply,) = (
                reply
                for reply in await self._read(path, sniffed, info, Selection(), info.media_tokens, ignore, name)
                if reply.image
            )
        assert reply.image is not None
        return ImagePart(reply.image, name, name)

    def close(self) -> None:
        self._decks.close()

    def _sniff(self, path: Path, name: str = "") -> Sniffed:
        size = path.stat().st_size
        if size > self.limits.max_file_bytes:
            limit = megabytes(self.limits.max_file_bytes)
            raise TooLargeError(name=name or path.name, size=megabytes(size), limit=limit)
        return sniff(path, name or path.name)

    async def _read(
        self,
        path: Path,
        sniffed: Sniffed,
        info: ModelInfo,
        selection: Selection,
        max_tokens: int,
        on_progress: OnProgress,
        name: str = "",
    ) -> list[Reply]:
        """What the child says of the file; without tokens to spend, thumbnails."""
        limits, name = self.limits, name or path.name
        if sniffed.format in ("pptx", "ppt"):
            path = await self._pdf(path, sniffed, name)
        task = "picture" if sniffed.kind == "image" else "video" if sniffed.kind == "video" else "pages"
        budget = info.frame if task == "video" else info.image
        job: dict[str, Any] = {
            "task": task,
            "path": absolute(path),
            "pages": selection.pages,
            "start_s": selection.start_s,
            "end_s": selection.end_s,
            "frames": selection.frames,
            "max_pages": limits.max_pages,
            "max_frames": min(limits.max_frames, info.max_frames),
            "max_video_s": limits.max_video_s,
            "max_image_pixels": limits.max_image_pixels,
            "max_tokens": max_tokens,
            "thumbnail": max_tokens == 0,
            "budget": [budget.unit, budget.min_pixels, budget.max_pixels],
        }

        def tell(done: int, total: int) -> None:
            on_progress(Progress("converting", done, total))

        async with self._turns:
            replies = await run(job, name, Limits(limits.convert_timeout_s, limits.convert_memory_bytes), tell)
        return [reply for reply in replies if not reply.values.get("done")]

    async def _pdf(self, path: Path, sniffed: Sniffed, name: str) -> Path:
        if sniffed.format == "ppt" and not self._office:
            raise UnsupportedTypeError(name=name, accepted="PPTX and PDF; PPT needs LibreOffice on the server")
        job = {"task": "deck", "path": absolute(path), "office": self._office or "", "format": sniffed.format}
        memory = OFFICE_MEMORY_BYTES if self._office else self.limits.convert_memory_bytes

        async def convert() -> bytes:
            async with self._turns:
                replies = await run(job, name, Limits(self.limits.office_timeout_s, memory), lambda done, total: None)
            return bytes.fromhex("".join(reply.values.get("data", "") for reply in replies))

        return await self._decks.pdf(path, convert)


def absolute(path: Path) -> str:
    """The child works in a folder of its own."""
    return str(path.absolute())


def thumbnail(image: Image) -> Image:
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return small
