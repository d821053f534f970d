"""Send the pages of a file to the parent: small ones for the preview, then those for the model."""

from __future__ import annotations

from collections.abc import Callable

from PIL.Image import Image

from webui.media.decode_job import DecodeJob, Reporter
from webui.media.selection.outline import Outline
from webui.media.sizes import Size, fit_side

# Draws the page of that 1-based number at exactly that size.
DrawPage = Callable[[int, Size], Image]


def send_pages(job: DecodeJob, reporter: Reporter, outline: Outline, draw: DrawPage) -> None:
    """Send what the job wants of a file with pages; a picture is a file with one.

    Thumbnails go first and all together, so that the user waits for nothing else. They are drawn
    from the file again: that is sharper, and several times faster than to shrink a large page.
    """
    reporter.send(natural_sizes=outline.natural_sizes)
    if job.thumbnail_side:
        thumbnails: dict[int, Size] = {}
        for number, natural in enumerate(outline.natural_sizes[: job.max_pages], 1):
            thumbnails[number] = fit_side(natural, job.thumbnail_side)
        _send(thumbnails, "thumbnail", reporter, draw)
        reporter.send(thumbnails_complete=True)
    if job.max_tokens:
        sizes = job.page_sizes(outline)
        for number in job.known_pages:
            del sizes[number]
        _send(sizes, "page", reporter, draw)


def _send(sizes: dict[int, Size], word: str, reporter: Reporter, draw: DrawPage) -> None:
    for done, (number, size) in enumerate(sizes.items(), 1):
        reporter.send_image(draw(number, size), **{word: number})
        if len(sizes) > 1:
            reporter.send_progress(done, len(sizes))
