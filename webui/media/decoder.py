"""Have child processes decode files, in fair turns, and collect what they send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from PIL import Image

from webui.errors import DamagedFileError
from webui.media.decode_job import DecodeJob
from webui.media.decoded_files import (
    DecodedFile,
    OnProgress,
    PagedFile,
    ReadRequest,
    VideoFile,
    ignore,
    to_image,
)
from webui.media.fair_semaphore import FairSemaphore
from webui.media.formats.registry import PDF, PICTURE, VIDEO, office_type
from webui.media.pdf_cache import ConvertedFile, PdfCache
from webui.media.sandbox.sandbox import Limits, OnReply, Reply, Sandbox
from webui.media.source_file import SourceFile
from webui.protocol import MediaLimits, Progress

# The last free place is kept for a new owner, so that an owner alone converts two files at once:
# one for each core of the smallest server. With a third, slow files would hit the wall clock.
PLACES = 3
SMALL_PLACES = 1
# A JPEG photo of 12 megapixels has 4 MB and takes 0.2 s, a HEIC or AVIF photo of 2 MB 0.5 s. The
# worst cases below this: 64 megapixels of one colour take 1.5 s, 48 of HEIC or AVIF 4 s on a busy
# machine. The bytes of a PDF or a video say nothing about its time.
SMALL_PICTURE_BYTES = 8 * 1024**2
# LibreOffice reserves this much more address space than it uses; measured were 0.5 GB.
OFFICE_RESERVE_BYTES = 2 * 1024**3
THUMBNAIL_SIDE = 480
OnThumbnails = Callable[[tuple[Image.Image, ...]], None]


@dataclass(frozen=True, slots=True)
class Decoding:
    """One file on its way to pages or frames, for `owner`."""

    source: SourceFile
    request: ReadRequest
    decoded: DecodedFile
    owner: str

    def report(self, progress: Progress) -> None:
        """Report to the caller that waits for this file now: first a preview, then a question."""
        self.decoded.on_progress(progress)


class ReplyReceiver:
    """Collects what a child sends of one file.

    `on_thumbnails` gets all thumbnails together. Raises ValueError, LookupError or TypeError for
    malformed replies.
    """

    def __init__(
        self,
        decoded: DecodedFile,
        on_thumbnails: OnThumbnails = ignore,
    ) -> None:
        self._decoded, self._on_thumbnails = decoded, on_thumbnails
        self._thumbnails: list[Image.Image] = []

    async def __call__(self, reply: Reply) -> None:
        values = reply.values
        if "natural_sizes" in values:
            self._decoded.add_outline(reply)
        elif "thumbnails_complete" in values:
            self._on_thumbnails(tuple(self._thumbnails))
        else:
            # A page of the flagship has two megapixels: off the event loop.
            image = await asyncio.to_thread(to_image, reply)
            if "thumbnail" in values:
                self._thumbnails.append(image)
            else:
                self._decoded.add_image(values, image)


class Decoder:
    """Runs one child for each file, within the limits.

    `office` is the path of LibreOffice, None where there is none.
    """

    def __init__(self, limits: MediaLimits, office: str | None, sandbox: Sandbox) -> None:
        self._limits, self._office, self._sandbox = limits, office, sandbox
        self._pdfs = PdfCache()
        # LibreOffice takes up to a minute and a half: its files wait for one another only.
        self._places = FairSemaphore(PLACES, SMALL_PLACES)
        self._office_places = FairSemaphore(PLACES)

    def warm_up(self) -> None:
        """Prepare for the first file."""
        self._sandbox.warm_up()

    def close(self) -> None:
        """Drop all PDFs and end all conversions."""
        self._pdfs.close()
        self._sandbox.close()

    async def decode(self, decoding: Decoding, on_thumbnails: OnThumbnails | None = None) -> None:
        """Have a child decode what the request wants and is not there yet, and thumbnails."""
        source, request, decoded = decoding.source, decoding.request, decoding.decoded
        job = replace(
            self._job(source.format.reader, request),
            path=str(source.path.absolute()),
            identity=source.identity,
            known_pages=decoded.known_pages(request),
            thumbnail_side=THUMBNAIL_SIDE if on_thumbnails else 0,
        )
        pdf = b""
        if isinstance(decoded, VideoFile):
            decoded.clear()
        elif source.format.office and isinstance(decoded, PagedFile):
            converted = await self._pdfs.get(source.path, lambda: self._convert(decoding))
            job, pdf = replace(job, reader=PDF.reader), converted.pdf
            decoded.label = office_type(converted.suffix).label
        small = source.format == PICTURE and source.size_bytes <= SMALL_PICTURE_BYTES
        receiver = ReplyReceiver(decoded, on_thumbnails or ignore)
        async with self._place(self._places, decoding.owner, decoding.report, small=small):
            await self._run(job, source.name, receiver, decoding.report, pdf)
        if isinstance(decoded, VideoFile):
            decoded.mark_sampled(request)

    async def decode_bytes(
        self, data: bytes, decoded: PagedFile, request: ReadRequest, owner: str
    ) -> None:
        """Have a child decode a picture that did not come as a file."""
        job, receiver = self._job(PICTURE.reader, request), ReplyReceiver(decoded)
        small = len(data) <= SMALL_PICTURE_BYTES
        async with self._place(self._places, owner, ignore, small=small):
            await self._run(job, decoded.name, receiver, ignore, data)

    def _job(self, reader: str, request: ReadRequest) -> DecodeJob:
        limits, info, selection = self._limits, request.info, request.selection
        budget = info.frame if reader == VIDEO.reader else info.image
        return DecodeJob(
            reader,
            pages=selection.pages,
            start_s=selection.start_s,
            end_s=selection.end_s,
            frames=selection.frames,
            max_tokens=request.max_tokens,
            budget=(budget.unit, budget.min_pixels, budget.max_pixels),
            max_pages=limits.max_pages,
            max_frames=min(limits.max_frames, info.max_frames),
            max_video_s=limits.max_video_s,
            max_image_pixels=limits.max_image_pixels,
        )

    @asynccontextmanager
    async def _place(
        self, places: FairSemaphore, owner: str, on_progress: OnProgress, *, small: bool = False
    ) -> AsyncIterator[None]:
        """Hold a place inside the block, and report the wait for it."""
        waits: list[int] = []

        def report(ahead: int) -> None:
            waits.append(ahead)
            on_progress(Progress("queued", ahead))

        async with places.acquire(owner, small=small, on_wait=report):
            if waits:
                on_progress(Progress("converting"))
            yield

    async def _run(
        self, job: DecodeJob, name: str, on_reply: OnReply, on_progress: OnProgress, payload: bytes
    ) -> None:
        def report(done: int, total: int) -> None:
            on_progress(Progress("converting", done, total))

        limits = Limits(self._limits.convert_timeout_s, self._limits.convert_memory_bytes)
        await self._sandbox.run(job.to_json(), name, limits, on_reply, report, payload=payload)

    async def _convert(self, decoding: Decoding) -> ConvertedFile:
        """Convert an office file to PDF."""
        source, memory_bytes = decoding.source, self._limits.convert_memory_bytes
        job = DecodeJob(
            source.format.reader,
            path=str(source.path.absolute()),
            identity=source.identity,
            office=self._office or "",
            resident_bytes=memory_bytes,
        )
        converted: list[ConvertedFile] = []

        async def receive(reply: Reply) -> None:
            suffix = office_type(reply.values["suffix"]).suffix
            converted.append(ConvertedFile(reply.data, suffix))

        async with self._place(self._office_places, decoding.owner, decoding.report):
            reserve = OFFICE_RESERVE_BYTES if self._office else 0
            limits = Limits(self._limits.office_timeout_s, memory_bytes + reserve)
            await self._sandbox.run(job.to_json(), source.name, limits, receive)
        if not converted:
            raise DamagedFileError(name=source.name)
        return converted[0]
