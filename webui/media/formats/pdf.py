"""PDF pages with PyMuPDF, each drawn straight at its size. Runs in a child process only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pymupdf
from PIL import Image

from webui.errors import DamagedFileError, NoPagesError, PasswordProtectedError

NATURAL_DPI = 180


def open_document(source: str | Path | bytes, name: str) -> pymupdf.Document:
    """The PDF at a path, or that these bytes are. Raises PasswordProtectedError, DamagedFileError or NoPagesError."""
    pymupdf.TOOLS.mupdf_display_errors(False)
    try:
        if isinstance(source, bytes):
            document = pymupdf.open(stream=source, filetype="pdf")
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


def page_sizes(document: pymupdf.Document) -> list[tuple[int, int]]:
    """Natural size in pixels of each page, at 180 dpi."""
    scale = NATURAL_DPI / 72
    boxes = [document[index].rect for index in range(document.page_count)]
    return [(max(1, round(box.width * scale)), max(1, round(box.height * scale))) for box in boxes]


def draw_pages(
    document: pymupdf.Document,
    pages: Sequence[int],
    sizes: Sequence[tuple[int, int]],
    size_of: Callable[[int, int], tuple[int, int]],
) -> Iterator[Image.Image]:
    """Each of the 1-based pages, drawn once, straight at the size that `size_of` makes of its natural one."""
    for number in pages:
        yield _draw(document[number - 1], size_of(*sizes[number - 1]))


def _draw(page: pymupdf.Page, size: tuple[int, int]) -> Image.Image:
    """The page stretched to exactly `size`: fitted sizes differ from its shape by less than one visual token."""
    box = page.rect
    matrix = pymupdf.Matrix(size[0] / (box.width or 1), size[1] / (box.height or 1))
    pixmap = page.get_pixmap(matrix=matrix, alpha=False, colorspace=pymupdf.csRGB)
    image = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
    return image if image.size == size else image.resize(size)
