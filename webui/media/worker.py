"""What the child process does: one job in, pages or frames to its standard output.

What most jobs need is loaded before there is one; another format's library when the job needs it.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from PIL.Image import Image

from webui.errors import AttachmentError, DamagedFileError, TooLargeError
from webui.media.sizes import fit_share, fit_side
from webui.media.source_file import pinned
from webui.protocol import PixelBudget

LONGEST_DETAIL = 300


class Reporter:
    """Sends lines of JSON, and raw bytes behind those that announce some."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def send(self, **values: Any) -> None:
        self._stream.write(json.dumps(values).encode() + b"\n")
        self._stream.flush()

    def progress(self, done: int, total: int) -> None:
        self.send(progress=[done, total])

    def raw(self, data: bytes, **values: Any) -> None:
        self.send(bytes=len(data), **values)
        self._stream.write(data)
        self._stream.flush()

    def image(self, image: Image, **values: Any) -> None:
        self.raw(image.tobytes(), size=list(image.size), **values)


def main(job: dict[str, Any]) -> None:
    """The child's entry."""
    # Libraries print to standard output: what goes to the parent gets a descriptor of its own.
    reporter = Reporter(os.fdopen(os.dup(1), "wb"))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        if "path" in job and not job["sent"]:
            job["path"] = pinned(job["path"], tuple(job["identity"]), job["name"])
        TASKS[job["task"]](job, reporter)
        reporter.send(done=True)
    except AttachmentError as error:
        tell(reporter, error, repr(error.__cause__ or ""))
    except Exception as error:
        # The boundary to hostile files: whatever a decoder throws, the file is at fault.
        tell(reporter, meaning(error, job), repr(error))
    os._exit(0)  # some decoders hang in their own clean-up


def meaning(error: Exception, job: dict[str, Any]) -> AttachmentError:
    """Memory or disk ran out, or else the file is broken. MuPDF says the former in words of its own."""
    name = job["name"]
    if isinstance(error, MemoryError) or "malloc" in str(error):
        memory = f"more than {job['memory_bytes'] // 1024**2:,} MB of memory"
        return TooLargeError(name=name, size=memory, limit="that much")
    if isinstance(error, OSError) and error.errno in (errno.EFBIG, errno.ENOSPC):
        return TooLargeError(name=name, size="more disk space than there is", limit="that much")
    return DamagedFileError(name=name)


def tell(reporter: Reporter, error: AttachmentError, detail: str) -> None:
    params = {
        key: value if isinstance(value, int | float) else str(value)
        for key, value in error.params.items()
    }
    reporter.send(error=type(error).__name__, params=params, detail=detail[:LONGEST_DETAIL])


def read_picture(job: dict[str, Any], reporter: Reporter) -> None:
    from webui.media.formats.image import draw_picture

    source = BytesIO(sent(job)) if job["sent"] else job["path"]
    natural, image = draw_picture(source, job["name"], job["max_image_pixels"], size_of(job, 1))
    reporter.image(image, natural=list(natural))


def read_pages(job: dict[str, Any], reporter: Reporter) -> None:
    from webui.media.formats.pdf import draw_pages, open_document, page_sizes
    from webui.media.page_range import parse_pages

    document = open_document(sent(job) if job["sent"] else job["path"], job["name"])
    sizes = page_sizes(document)
    pages = parse_pages(job["pages"], len(sizes), job["max_pages"], job["name"])
    reporter.send(natural=sizes, pages=pages)
    for done, image in enumerate(draw_pages(document, pages, sizes, size_of(job, len(pages))), 1):
        reporter.image(image)
        reporter.progress(done, len(pages))


def read_video(job: dict[str, Any], reporter: Reporter) -> None:
    from webui.media.formats.video import check_size, probe, read_frames
    from webui.media.frame_sampling import check_length, check_range, fitted, frame_count, instants

    path, name = job["path"], job["name"]
    stream = probe(path, name)
    check_size(stream, name, job["max_image_pixels"])
    start, end = check_range(job["start_s"], job["end_s"], stream.duration_s, name)
    check_length(end - start, name, job["max_video_s"])
    count = frame_count(start, end, job["frames"], job["max_frames"])
    count, size = fitted(count, (stream.width, stream.height), budget_of(job), job["max_tokens"])

    def on_frame(done: int) -> None:
        reporter.progress(min(done, count), count)

    frames = read_frames(path, name, instants(start, end, count), size, on_frame)
    times = sorted(frames)
    reporter.send(natural=[stream.width, stream.height], duration_s=stream.duration_s, times=times)
    for time in times:
        reporter.image(frames[time])


def read_deck(job: dict[str, Any], reporter: Reporter) -> None:
    """A deck to PDF: by LibreOffice, or by python-pptx for want of it."""
    from webui.media.formats.containers import check_deck

    path, name, most = job["path"], job["name"], job["resident_bytes"]
    suffix = check_deck(Path(path), name, most, office=bool(job["office"]))
    if job["office"]:
        from webui.media.formats.libreoffice import convert_deck
        from webui.media.sandbox.process_tree import end_descendants
        from webui.media.sandbox.rlimits import take_all_along

        take_all_along()
        try:
            pdf = convert_deck(path, name, job["folder"], job["office"], suffix, most)
        finally:
            # LibreOffice leaves programs behind that it has started, as gpgconf.
            end_descendants()
    else:
        from webui.media.formats.pptx import draw_deck

        pdf = draw_deck(path, name, job["folder"])
    reporter.raw(pdf.read_bytes())


def sent(job: dict[str, Any]) -> bytes:
    """The file itself, where the parent sent it instead of its path."""
    return sys.stdin.buffer.read(job["sent"])


def load_libraries() -> None:
    """What reads pictures and documents, in the process that children are forked from."""
    spare_extras()
    from PIL import Image

    Image.init()


def spare_extras() -> None:
    """PyMuPDF loads a layout model and a Markdown writer when imported, which we never use: nine tenths of its time."""
    sys.modules.update({"pymupdf.layout": None, "pymupdf4llm": None})  # type: ignore[dict-item]


def size_of(job: dict[str, Any], count: int) -> Callable[[int, int], tuple[int, int]]:
    """From natural size to the one wanted: a thumbnail, or the model's for one of `count` pictures."""
    if job["thumbnail"]:
        return lambda width, height: fit_side((width, height), job["thumbnail"])
    return lambda width, height: fit_share(
        (width, height), count, budget_of(job), job["max_tokens"]
    )


def budget_of(job: dict[str, Any]) -> PixelBudget:
    return PixelBudget(*job["budget"])


TASKS: dict[str, Callable[[dict[str, Any], Reporter], None]] = {
    "picture": read_picture,
    "pages": read_pages,
    "deck": read_deck,
    "video": read_video,
}
