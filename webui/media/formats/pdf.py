"""Draw the pages of a PDF with PyMuPDF, each straight at its size. Runs in a child process only."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pymupdf
from PIL import Image

from webui.errors import DamagedFileError, NoPagesError, PasswordProtectedError
from webui.media.decode_job import DecodeJob, Reporter
from webui.media.formats.pages import send_pages
from webui.media.selection.outline import Outline
from webui.media.sizes import Size

NATURAL_DPI = 180


def read(job: DecodeJob, reporter: Reporter) -> None:
    """Send the pages that the job wants."""
    document = open_document(job.source(), job.name)

    def draw(number: int, size: Size) -> Image.Image:
        return draw_page(document[number - 1], size)

    send_pages(job, reporter, Outline(job.name, natural_sizes(document)), draw)


def open_document(source: str | Path | BytesIO, name: str) -> pymupdf.Document:
    """Open the PDF at a path, or in memory.

    Raises PasswordProtectedError, DamagedFileError or NoPagesError.
    """
    pymupdf.TOOLS.mupdf_display_errors(False)
    try:
        if isinstance(source, BytesIO):
            document = pymupdf.open(stream=source.getvalue(), filetype="pdf")
        else:
            document = pymupdf.open(source, filetype="pdf")
        if document.needs_pass:
            raise PasswordProtectedError(name=name)
        count = document.page_count
    except (RuntimeError, ValueError, OSError, pymupdf.mupdf.FzErrorBase) as error:
        raise DamagedFileError(name=name) from error
    if not count:
        raise NoPagesError(name=name)
    return document


def natural_sizes(document: pymupdf.Document) -> tuple[Size, ...]:
    """Return the size in pixels of each page at 180 dpi."""
    scale = NATURAL_DPI / 72
    sizes: list[Size] = []
    for index in range(document.page_count):
        box = document[index].rect
        sizes.append((max(1, round(box.width * scale)), max(1, round(box.height * scale))))
    return tuple(sizes)


def draw_page(page: pymupdf.Page, size: Size) -> Image.Image:
    """Draw the page stretched to exactly `size`.

    Sizes that are fitted to the model differ from the page's shape by less than a visual token.
    """
    box = page.rect
    matrix = pymupdf.Matrix(size[0] / (box.width or 1), size[1] / (box.height or 1))
    pixmap = page.get_pixmap(matrix=matrix, alpha=False, colorspace=pymupdf.csRGB)
    image = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
    return image if image.size == size else image.resize(size)
