"""What the child process does: takes one job from its standard input, writes pages or frames to its standard output.

Sets its own limits before it opens anything. Imports a format's library only when the job needs it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from PIL.Image import Image

from webui.errors import AttachmentError, DamagedFileError, TooLargeError
from webui.media.confinement import confine, die_with_parent
from webui.protocol import PixelBudget


class Reporter:
    """Sends lines of JSON, and the raw bytes of images behind theirs."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def send(self, **values: Any) -> None:
        self._stream.write(json.dumps(values).encode() + b"\n")
        self._stream.flush()

    def progress(self, done: int, total: int) -> None:
        self.send(progress=[done, total])

    def image(self, image: Image, **values: Any) -> None:
        raw = image.tobytes()
        self.send(size=list(image.size), bytes=len(raw), **values)
        self._stream.write(raw)
        self._stream.flush()


def main() -> None:
    """The child's entry."""
    # Libraries print to standard output: what goes to the parent gets a descriptor of its own.
    reporter = Reporter(os.fdopen(os.dup(1), "wb"))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    job = json.loads(sys.stdin.buffer.readline())
    die_with_parent()
    confine(job["memory_bytes"], job["cpu_s"])
    try:
        TASKS[job["task"]](job, reporter)
        reporter.send(done=True)
    except AttachmentError as error:
        reporter.send(error=type(error).__name__, params=plain(error.params))
    except MemoryError:
        size = f"more than {job['memory_bytes'] // 1024**2:,} MB of memory"
        reporter.send(error=TooLargeError.__name__, params={"size": size, "limit": "that much"})
    except Exception:
        # The boundary to hostile files: whatever a decoder throws, the file is at fault.
        reporter.send(error=DamagedFileError.__name__, params={})
    os._exit(0)  # some decoders hang in their own clean-up


def plain(params: dict[str, object]) -> dict[str, object]:
    return {key: value if isinstance(value, int | float) else str(value) for key, value in params.items()}


def read_picture(job: dict[str, Any], reporter: Reporter) -> None:
    from webui.media.pictures import draw_picture

    budget = None if job["thumbnail"] else budget_of(job).share(1, job["max_tokens"])
    natural, image = draw_picture(job["path"], job["name"], job["max_image_pixels"], budget)
    reporter.image(image, natural=list(natural))


def read_pages(job: dict[str, Any], reporter: Reporter) -> None:
    from webui.media.documents import draw_pages, open_document, page_sizes
    from webui.media.pages import parse_pages

    document = open_document(job["path"], job["name"])
    sizes = page_sizes(document)
    pages = parse_pages(job["pages"], len(sizes), job["max_pages"], job["name"])
    reporter.send(natural=sizes, pages=pages)
    budget = None if job["thumbnail"] else budget_of(job).share(len(pages), job["max_tokens"])
    for done, image in enumerate(draw_pages(document, pages, sizes, budget, job["name"]), 1):
        reporter.image(image)
        reporter.progress(done, len(pages))


def read_video(job: dict[str, Any], reporter: Reporter) -> None:
    from webui.media.video import check_length, check_range, check_size, frame_count, instants, probe, read_clip

    stream = probe(job["path"], job["name"])
    check_size(stream, job["name"], job["max_image_pixels"])
    start, end = check_range(job["start_s"], job["end_s"], stream.duration_s, job["name"])
    check_length(end - start, job["name"], job["max_video_s"])
    count = frame_count(start, end, job["frames"], job["max_frames"])
    size = budget_of(job).share((count + 1) // 2, job["max_tokens"]).fit(stream.width, stream.height)
    wanted = instants(start, end, count)
    clip = read_clip(job["path"], job["name"], stream, wanted, size, lambda done: reporter.progress(done, count))
    reporter.send(natural=[stream.width, stream.height], duration_s=stream.duration_s, times=clip.times)
    for frame in clip.frames:
        reporter.image(frame)


def read_deck(job: dict[str, Any], reporter: Reporter) -> None:
    """A deck to PDF: by LibreOffice, or by python-pptx for want of it."""
    if job["office"]:
        from webui.media.documents import convert_deck

        send_file(convert_deck(job["path"], job["name"], job["folder"], job["office"], job["format"]), reporter)
    else:
        from webui.media.slides import draw_deck

        send_file(draw_deck(job["path"], job["name"], job["folder"]), reporter)


def send_file(path: str, reporter: Reporter) -> None:
    """In hexadecimal lines: raw bytes are for images alone."""
    with open(path, "rb") as file:
        while piece := file.read(1024**2):
            reporter.send(data=piece.hex())


def budget_of(job: dict[str, Any]) -> PixelBudget:
    return PixelBudget(*job["budget"])


TASKS: dict[str, Callable[[dict[str, Any], Reporter], None]] = {
    "picture": read_picture,
    "pages": read_pages,
    "deck": read_deck,
    "video": read_video,
}
