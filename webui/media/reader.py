"""The door for files: recognise, apply limits, and have a child process make pages or frames.

A file is decoded once: the pages that a preview decodes are those of the question after it.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from webui.errors import AttachmentError, DamagedFileError, UnsupportedTypeError
from webui.media.decoded_files import (
    DecodedFiles,
    PagedFile,
    ReadRequest,
    VideoFile,
)
from webui.media.decoder import THUMBNAIL_SIDE, Decoder, Decoding, OnProgress, ignore
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
OnPreview = Callable[[Preview], None]

logger = logging.getLogger(__name__)


def find_office() -> str | None:
    """Return the path of LibreOffice, if it is installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


class MediaReader:
    """Makes previews and message parts of files.

    `office` is the path of LibreOffice, None where there is none. Conversions take turns by
    `owner`; each conversion without one counts as an owner of its own.
    """

    def __init__(
        self, limits: MediaLimits, *, office: str | None, sandbox: Sandbox | None = None
    ) -> None:
        self.limits = limits
        self._office = office
        self._decoder = Decoder(limits, office, sandbox or Sandbox(ProcessPool(WORKER)))
        self._decoded = DecodedFiles()

    async def preview(
        self,
        path: Path,
        info: ModelInfo,
        selection: Selection = WHOLE,
        max_tokens: int = 0,
        *,
        owner: str = "",
        on_progress: OnProgress = ignore,
        on_preview: OnPreview = ignore,
    ) -> Preview:
        """Return what a user sees of the file before sending it.

        `on_preview` gets the preview as soon as its thumbnails are there. For an owner's question
        with `max_tokens` for this file, the same child then decodes the pages that `load` will
        return. Raises an AttachmentError.
        """
        source = await asyncio.to_thread(recognise, path, self.limits.max_file_bytes)
        decoded = self._decoded.open(owner, source)
        if isinstance(decoded, VideoFile):
            request = ReadRequest(selection, info, info.media_tokens, self.limits)
        else:
            request = ReadRequest(WHOLE, info, max_tokens if owner else 0, self.limits)
        decoding = Decoding(source, request, decoded, owner, on_progress)
        async with decoded.lock:
            if isinstance(decoded, VideoFile):
                preview = await self._preview_video(decoding)
                on_preview(preview)
                return preview
            return await self._preview_pages(decoding, on_preview)

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
        async with decoded.lock:
            parts = decoded.find_parts(request)
            if parts is None:
                await self._decoder.decode(Decoding(source, request, decoded, owner, on_progress))
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
        self._decoder.close()

    async def _preview_pages(self, decoding: Decoding, on_preview: OnPreview) -> Preview:
        source, previews = decoding.source, []

        def show(thumbnails: tuple[Image.Image, ...]) -> None:
            previews.append(self._preview_of(decoding, thumbnails))
            on_preview(previews[0])

        try:
            await self._decoder.decode(decoding, show)
        except AttachmentError as error:
            if not previews:
                raise
            # A question about fewer pages may still be possible; it meets the error otherwise.
            logger.info("%s: not all pages were decoded ahead: %r", source.name, error)
        self._decoded.trim()
        if not previews:
            raise DamagedFileError(name=source.name)
        return previews[0]

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
