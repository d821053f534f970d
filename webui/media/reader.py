"""The door for files: recognise, apply limits, and have a child process make pages or frames.

A file is decoded once: the pages that a preview decodes are those of the question after it.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path
from typing import Any

from PIL import Image

from webui.errors import AttachmentError, DamagedFileError, UnsupportedTypeError
from webui.media.decoded_files import (
    DecodedFiles,
    OnProgress,
    PagedFile,
    ReadRequest,
    VideoFile,
    ignore,
)
from webui.media.decoder import THUMBNAIL_SIDE, Decoder, Decoding
from webui.media.formats.file_type import HEAD_BYTES
from webui.media.formats.registry import PICTURE, PICTURE_TYPES, sniff
from webui.media.preview import Preview
from webui.media.sandbox.process_pool import ProcessPool
from webui.media.sandbox.sandbox import Sandbox
from webui.media.selection.outline import Selection
from webui.media.selection.page_range import parse_pages
from webui.media.source_file import check_size, recognise
from webui.protocol import (
    Attachment,
    ImagePart,
    MediaLimits,
    ModelInfo,
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

WORKER = "webui.media.worker"
WHOLE = Selection()

logger = logging.getLogger(__name__)


def find_office() -> str | None:
    """Return the path of LibreOffice, if it is installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


class MediaReader:
    """Makes previews and message parts of files.

    `office` is the path of LibreOffice, None where there is none. Conversions take turns by
    `owner`; each conversion without one counts as an owner of its own. `temp_folder` holds the
    folders of running conversions; without it the system's does.
    """

    def __init__(
        self,
        limits: MediaLimits,
        *,
        office: str | None,
        sandbox: Sandbox | None = None,
        temp_folder: Path | None = None,
    ) -> None:
        self.limits = limits
        self._office = office
        self._decoder = Decoder(
            limits, office, sandbox or Sandbox(ProcessPool(WORKER), temp_folder)
        )
        self._decoded = DecodedFiles()
        # Children that go on after their previews were shown.
        self._tasks: set[asyncio.Task[None]] = set()

    async def preview(
        self,
        path: Path,
        info: ModelInfo,
        selection: Selection = WHOLE,
        max_tokens: int = 0,
        *,
        owner: str = "",
        on_progress: OnProgress = ignore,
    ) -> Preview:
        """Return what a user sees of the file before sending it.

        For an owner's question with `max_tokens` for this file, the same child then goes on to
        decode the pages that `load` will return. Raises an AttachmentError.
        """
        source = await asyncio.to_thread(recognise, path, self.limits.max_file_bytes)
        decoded = self._decoded.open(owner, source)
        if isinstance(decoded, VideoFile):
            request = ReadRequest(selection, info, info.media_tokens, self.limits)
        else:
            request = ReadRequest(WHOLE, info, max_tokens if owner else 0, self.limits)
        if not isinstance(decoded, VideoFile):
            decoded.on_progress = on_progress
            return await self._preview_pages(Decoding(source, request, decoded, owner))
        async with decoded.lock:
            decoded.on_progress = on_progress
            return await self._preview_video(Decoding(source, request, decoded, owner))

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
        """Return the chosen pages or frames at their sizes for the model.

        Those that a preview for this owner has decoded are not decoded again. Raises an
        AttachmentError.
        """
        source = await asyncio.to_thread(recognise, path, self.limits.max_file_bytes)
        decoded = self._decoded.open(owner, source)
        request = ReadRequest(selection, info, max(max_tokens, 1), self.limits)
        # The child of the preview, if it is still at work, reports to this caller from now on.
        decoded.on_progress = on_progress
        async with decoded.lock:
            decoded.on_progress = on_progress
            parts = decoded.find_parts(request)
            if parts is None:
                await self._decoder.decode(Decoding(source, request, decoded, owner))
                parts = decoded.find_parts(request)
            # From here on the pages belong to the message.
            decoded.clear()
        if parts is None:
            raise DamagedFileError(name=source.name)
        return parts

    async def load_image_bytes(
        self, data: bytes, name: str, info: ModelInfo, *, owner: str = ""
    ) -> ImagePart:
        """Return a picture that did not come as a file. Raises an AttachmentError."""
        check_size(len(data), name, self.limits.max_file_bytes)
        if sniff(data[:HEAD_BYTES], name) != PICTURE:
            raise UnsupportedTypeError(name=name, accepted=PICTURE_TYPES)
        request = ReadRequest(WHOLE, info, info.media_tokens, self.limits)
        decoded = PagedFile(name, None)
        await self._decoder.decode_bytes(data, decoded, request, owner)
        picture, *_ = decoded.find_parts(request) or [None]
        if not isinstance(picture, ImagePart):
            raise DamagedFileError(name=name)
        return picture

    def forget(self, owner: str) -> None:
        """Drop the pages that previews have decoded for this owner."""
        self._decoded.forget(owner)

    def warm_up(self) -> None:
        """Prepare for the first file."""
        self._decoder.warm_up()

    def close(self) -> None:
        """Drop all PDFs and end all conversions."""
        for task in self._tasks:
            task.cancel()
        self._decoder.close()

    async def _preview_pages(self, decoding: Decoding) -> Preview:
        """Return the preview once the thumbnails are there; its child goes on in a task."""
        shown: asyncio.Future[Preview] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._decode_ahead(decoding, shown))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Where nothing is decoded ahead, the child is gone when the preview is returned.
        ahead = decoding.request.max_tokens > 0
        events: set[asyncio.Future[Any]] = {task, shown} if ahead else {task}
        try:
            await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        if not shown.done():
            task.result()
            raise DamagedFileError(name=decoding.source.name)
        return shown.result()

    async def _decode_ahead(self, decoding: Decoding, shown: asyncio.Future[Preview]) -> None:
        """Have one child send thumbnails, then the pages of the question."""

        def show(thumbnails: tuple[Image.Image, ...]) -> None:
            if shown.done():
                raise ValueError("thumbnails twice")
            shown.set_result(self._preview_of(decoding, thumbnails))

        try:
            async with decoding.decoded.lock:
                await self._decoder.decode(decoding, show)
        except AttachmentError as error:
            if not shown.done():
                raise
            # A question about fewer pages may still be possible; it meets the error otherwise.
            logger.info("%s: not all decoded ahead: %r", decoding.source.name, error)
        self._decoded.trim()

    def _preview_of(self, decoding: Decoding, thumbnails: tuple[Image.Image, ...]) -> Preview:
        """Return the preview of a file with pages. Raises ValueError if a thumbnail is missing."""
        source, outline = decoding.source, decoding.decoded.outline
        if outline is None or not thumbnails:
            raise ValueError("thumbnails without a page")
        drawn = source.format.office and not self._office
        return Preview(
            Attachment(source.path, source.format.kind),
            len(outline.natural_sizes),
            outline.natural_sizes,
            thumbnails,
            notice="drawn_without_office" if drawn else "",
            limits=self.limits,
            page_label=outline.page_label,
            decoded=decoding.decoded,
        )

    async def _preview_video(self, decoding: Decoding) -> Preview:
        source, decoded = decoding.source, decoding.decoded
        if decoded.find_parts(decoding.request) is None:
            await self._decoder.decode(decoding)
        video, *_ = decoded.find_parts(decoding.request) or [None]
        if not isinstance(video, VideoPart) or decoded.outline is None:
            raise DamagedFileError(name=source.name)
        self._decoded.trim()
        return Preview(
            Attachment(source.path, source.format.kind),
            len(video.frames),
            decoded.outline.natural_sizes * len(video.frames),
            await asyncio.to_thread(make_thumbnails, video.frames),
            video.timestamps,
            decoded.outline.duration_s,
            limits=self.limits,
            selection=decoding.request.selection,
            decoded=decoded,
        )


def make_thumbnails(frames: tuple[Image.Image, ...]) -> tuple[Image.Image, ...]:
    """Return small copies of the frames."""
    thumbnails: list[Image.Image] = []
    for frame in frames:
        thumbnail = frame.copy()
        thumbnail.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        thumbnails.append(thumbnail)
    return tuple(thumbnails)
