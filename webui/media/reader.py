"""The door for files: recognise by bytes, apply the limits, and have a child process make pages or frames of it."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from webui.errors import DamagedFileError, UnsupportedTypeError
from webui.media.fair_semaphore import FairSemaphore
from webui.media.formats.file_type import HEAD_BYTES, PICTURE_TYPES, Format, sniff
from webui.media.page_range import parse_pages
from webui.media.pdf_cache import DeckShelf
from webui.media.preview import Preview, Selection
from webui.media.sandbox.process_pool import Children
from webui.media.sandbox.sandbox import Limits, Reply, Sandbox
from webui.media.source_file import SourceFile, check_size, recognise
from webui.protocol import (
    Attachment,
    AttachmentKind,
    FileLabel,
    ImagePart,
    MediaLimits,
    ModelInfo,
    PageLabel,
    Progress,
    SlideLabel,
    VideoPart,
)

__all__ = [
    "MediaReader",
    "OnProgress",
    "Preview",
    "Selection",
    "find_office",
    "ignore",
    "parse_pages",
]

# The last free place is kept for a new owner, so that an owner alone converts two files at once: one for each core of
# the smallest server. A third would make the wall clock run out for slow files.
PLACES = 3
SMALL_PLACES = 1
# A photo of 12 megapixels has 4 MB and takes 0.2 s; the worst case below this, 64 megapixels of one colour, 1.5 s. The
# bytes of a PDF or a video say nothing about its time.
SMALL_PICTURE_BYTES = 8 * 1024**2
# LibreOffice reserves this much more address space than it uses, at most: measured were 0.5 GB.
OFFICE_RESERVE_BYTES = 2 * 1024**3
THUMBNAIL_SIDE = 480
KINDS: dict[Format, AttachmentKind] = {
    "picture": "image",
    "pdf": "document",
    "pptx": "document",
    "ppt": "document",
    "video": "video",
}
WHOLE = Selection()
OnProgress = Callable[[Progress], None]
Made = TypeVar("Made")

log = logging.getLogger(__name__)


def ignore(progress: Progress) -> None:
    """For callers who do not watch."""


def find_office() -> str | None:
    """The path of LibreOffice, if it is installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


class MediaReader:
    """Files to previews and parts. `office` is the path of LibreOffice, None if there is none."""

    def __init__(
        self, limits: MediaLimits, *, office: str | None, sandbox: Sandbox | None = None
    ) -> None:
        self.limits = limits
        self._office = office
        self._decks, self._sandbox = DeckShelf(), sandbox or Sandbox(Children())
        # Decks wait for decks only: one that takes a minute and a half must not hold up a photo.
        self._turns, self._deck_turns = FairSemaphore(PLACES, SMALL_PLACES), FairSemaphore(PLACES)

    async def preview(
        self,
        path: Path,
        info: ModelInfo,
        selection: Selection = WHOLE,
        *,
        owner: str = "",
        on_progress: OnProgress = ignore,
    ) -> Preview:
        """What a person sees before sending. Conversions take turns by `owner`; each of "" is its own.

        Raises an AttachmentError.
        """
        source = await asyncio.to_thread(recognise, path, self.limits.max_file_bytes)
        video = source.form == "video"
        chosen, tokens = (selection, info.media_tokens) if video else (WHOLE, 0)
        replies = await self._read(
            source, self._job(source.form, info, chosen, tokens), owner, on_progress
        )
        return await believed(path.name, lambda: self._preview(source, selection, replies))

    async def load(
        self,
        path: Path,
        info: ModelInfo,
        selection: Selection,
        max_tokens: int,
        *,
        owner: str = "",
        on_progress: OnProgress = ignore,
    ) -> tuple[ImagePart | VideoPart, ...]:
        """The chosen pages or frames at the sizes that the model sees. Raises an AttachmentError."""
        source = await asyncio.to_thread(recognise, path, self.limits.max_file_bytes)
        job = self._job(source.form, info, selection, max(max_tokens, 1))
        replies = await self._read(source, job, owner, on_progress)
        return await believed(path.name, lambda: parts(path.name, source.form, replies))

    async def load_image_bytes(
        self, data: bytes, name: str, info: ModelInfo, *, owner: str = ""
    ) -> ImagePart:
        """A picture that did not come as a file. Raises an AttachmentError."""
        check_size(len(data), name, self.limits.max_file_bytes)
        if sniff(data[:HEAD_BYTES], name) != "picture":
            raise UnsupportedTypeError(name=name, accepted=PICTURE_TYPES)
        job = self._job("picture", info, WHOLE, info.media_tokens)
        async with self._turn(self._turns, owner, ignore, small=len(data) <= SMALL_PICTURE_BYTES):
            replies = await self._run(job, name, ignore, data)
        return await believed(name, lambda: ImagePart(image_of(replies[0]), FileLabel(name), name))

    def warm_up(self) -> None:
        """Prepare for the first file."""
        self._sandbox.warm_up()

    def close(self) -> None:
        """Forget the decks and end all conversions."""
        self._decks.close()
        self._sandbox.close()

    def _preview(self, source: SourceFile, selection: Selection, replies: list[Reply]) -> Preview:
        form, limits, (head, *rest) = source.form, self.limits, replies
        attachment = Attachment(source.path, KINDS[form])
        if form == "picture":
            return Preview(
                attachment, 1, (pair(head.values["natural"]),), (image_of(head),), limits=limits
            )
        if form == "video":
            frames = tuple(thumbnail(image_of(reply)) for reply in rest)
            sizes = (pair(head.values["natural"]),) * len(frames)
            times, duration = (
                tuple(map(float, head.values["times"])),
                float(head.values["duration_s"]),
            )
            return Preview(
                attachment,
                len(frames),
                sizes,
                frames,
                times,
                duration,
                limits=limits,
                selection=selection,
            )
        sizes = tuple(pair(size) for size in head.values["natural"])
        notice = "drawn_without_office" if form == "pptx" and not self._office else ""
        return Preview(
            attachment, len(sizes), sizes, tuple(map(image_of, rest)), notice=notice, limits=limits
        )

    async def _read(
        self, source: SourceFile, job: dict[str, Any], owner: str, on_progress: OnProgress
    ) -> list[Reply]:
        """What the child says of the file; without tokens to spend, thumbnails."""
        path, name = source.path, source.path.name
        small = source.form == "picture" and source.size_bytes <= SMALL_PICTURE_BYTES
        data = b""
        if source.form in ("pptx", "ppt"):
            data = await self._decks.pdf(path, lambda: self._convert(source, owner, on_progress))
        async with self._turn(self._turns, owner, on_progress, small=small):
            return await self._run({**job, **place_of(source)}, name, on_progress, data)

    def _job(
        self, form: Format, info: ModelInfo, selection: Selection, max_tokens: int
    ) -> dict[str, Any]:
        limits, budget = self.limits, info.frame if form == "video" else info.image
        return {
            "task": "pages" if KINDS[form] == "document" else form,
            "pages": selection.pages,
            "start_s": selection.start_s,
            "end_s": selection.end_s,
            "frames": selection.frames,
            "max_pages": limits.max_pages,
            "max_frames": min(limits.max_frames, info.max_frames),
            "max_video_s": limits.max_video_s,
            "max_image_pixels": limits.max_image_pixels,
            "max_tokens": max_tokens,
            "thumbnail": THUMBNAIL_SIDE if max_tokens == 0 else 0,
            "budget": [budget.unit, budget.min_pixels, budget.max_pixels],
        }

    @asynccontextmanager
    async def _turn(
        self, turns: FairSemaphore, owner: str, on_progress: OnProgress, *, small: bool = False
    ) -> AsyncIterator[None]:
        """Holds a place inside the block, and reports the wait for it."""
        waits: list[int] = []

        def report(ahead: int) -> None:
            waits.append(ahead)
            on_progress(Progress("queued", ahead))

        async with turns.place(owner, small=small, on_wait=report):
            if waits:
                on_progress(Progress("converting"))
            yield

    async def _run(
        self, job: dict[str, Any], name: str, on_progress: OnProgress, data: bytes = b""
    ) -> list[Reply]:
        def tell(done: int, total: int) -> None:
            on_progress(Progress("converting", done, total))

        limits = Limits(self.limits.convert_timeout_s, self.limits.convert_memory_bytes)
        return await self._sandbox.run(job, name, limits, tell, data=data)

    async def _convert(self, source: SourceFile, owner: str, on_progress: OnProgress) -> bytes:
        """A deck to PDF."""
        resident = self.limits.convert_memory_bytes
        job = {
            "task": "deck",
            "office": self._office or "",
            "resident_bytes": resident,
            **place_of(source),
        }
        async with self._turn(self._deck_turns, owner, on_progress):
            limits = Limits(
                self.limits.office_timeout_s,
                resident + (OFFICE_RESERVE_BYTES if self._office else 0),
            )
            replies = await self._sandbox.run(
                job, source.path.name, limits, lambda done, total: None
            )
        return b"".join(reply.data for reply in replies)


async def believed(name: str, make: Callable[[], Made]) -> Made:
    """What is made of the child's replies, in a thread. Replies that do not fit together are a damaged file."""
    try:
        return await asyncio.to_thread(make)
    except (ValueError, LookupError, TypeError) as error:
        log.warning("%s: what the child sent does not fit together: %r", name, error)
        raise DamagedFileError(name=name) from error


def parts(name: str, form: Format, replies: list[Reply]) -> tuple[ImagePart | VideoPart, ...]:
    head, *rest = replies
    if form == "picture":
        return (ImagePart(image_of(head), FileLabel(name), name),)
    images = tuple(map(image_of, rest))
    if form == "video":
        return (VideoPart(images, tuple(map(float, head.values["times"])), name),)
    label = PageLabel if form == "pdf" else SlideLabel
    pages = zip(head.values["pages"], images, strict=True)
    return tuple(ImagePart(image, label(int(page)), name) for page, image in pages)


def place_of(source: SourceFile) -> dict[str, Any]:
    """What a child needs to open the same file; it works in a folder of its own."""
    return {"path": str(source.path.absolute()), "identity": source.identity}


def image_of(reply: Reply) -> Image.Image:
    return Image.frombytes("RGB", pair(reply.values["size"]), reply.data)


def pair(values: list[Any]) -> tuple[int, int]:
    width, height = values
    return int(width), int(height)


def thumbnail(image: Image.Image) -> Image.Image:
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return image
