"""A PPTX drawn by python-pptx and PyMuPDF, for machines without LibreOffice: text, pictures, plain shapes and tables.

What it cannot draw is left out: SmartArt, charts, embedded objects, theme backgrounds. Runs in a child process only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

import pymupdf
from pptx import Presentation
from pptx.dml.fill import FillFormat
from pptx.enum.shapes import MSO_SHAPE, MSO_SHAPE_TYPE
from pptx.exc import PackageNotFoundError, PythonPptxError
from pptx.util import Length

from webui.errors import DamagedFileError, NoPagesError

POINT = 12700
FONT_POINTS = 18.0
MARGIN = 4.0


def draw_deck(path: str, name: str, folder: str) -> Path:
    """The deck as a PDF in `folder`, a slide a page. Raises DamagedFileError or NoPagesError."""
    try:
        deck = Presentation(path)
        slides = list(deck.slides)
    except (PackageNotFoundError, PythonPptxError, KeyError, ValueError, OSError, AttributeError) as error:
        raise DamagedFileError(name=name) from error
    if not slides:
        raise NoPagesError(name=name)
    document = pymupdf.open()
    for slide in slides:
        page = document.new_page(width=points(deck.slide_width), height=points(deck.slide_height))
        _background(page, slide)
        for shape in _shapes(slide.shapes):
            # A shape that cannot be drawn is left out; the others of its slide are not.
            with suppress(ValueError, KeyError, AttributeError, TypeError, RuntimeError, NotImplementedError):
                _draw(page, shape)
    target = Path(folder, "drawn.pdf")
    document.save(target)
    return target


def points(length: Length | None) -> float:
    return (length or 0) / POINT


def _shapes(shapes: Any) -> Iterator[Any]:
    for shape in shapes:
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _box(shape: Any) -> pymupdf.Rect:
    left, top = points(shape.left), points(shape.top)
    return pymupdf.Rect(left, top, left + points(shape.width), top + points(shape.height))


def _background(page: pymupdf.Page, slide: Any) -> None:
    colour = _colour(slide.background.fill)
    if colour:
        page.draw_rect(page.rect, color=None, fill=colour)


def _draw(page: pymupdf.Page, shape: Any) -> None:
    box = _box(shape)
    if shape.shape_type == MSO_SHAPE_TYPE.PICTURE:
        page.insert_image(box, stream=shape.image.blob)
        return
    if getattr(shape, "has_table", False):
        page.insert_htmlbox(box, _table(shape.table))
        return
    if shape.shape_type == MSO_SHAPE_TYPE.AUTO_SHAPE:
        _outline(page, shape, box)
    if shape.has_text_frame and shape.text_frame.text.strip():
        inner = pymupdf.Rect(box.x0 + MARGIN, box.y0 + MARGIN, box.x1 - MARGIN, box.y1 - MARGIN)
        page.insert_htmlbox(inner, _html(shape.text_frame))


def _outline(page: pymupdf.Page, shape: Any, box: pymupdf.Rect) -> None:
    colour = _colour(shape.fill)
    if not colour:
        return
    if shape.auto_shape_type == MSO_SHAPE.OVAL:
        page.draw_oval(box, color=None, fill=colour)
    elif shape.auto_shape_type == MSO_SHAPE.ISOSCELES_TRIANGLE:
        top = pymupdf.Point((box.x0 + box.x1) / 2, box.y0)
        page.draw_polyline([box.bl, top, box.br], color=None, fill=colour, closePath=True)
    else:
        page.draw_rect(box, color=None, fill=colour)


def _colour(fill: FillFormat) -> tuple[float, ...] | None:
    """The plain RGB of a solid fill; None for theme colours, gradients and none at all."""
    with suppress(AttributeError, TypeError, KeyError):
        return tuple(value / 255 for value in fill.fore_color.rgb)
    return None


def _html(frame: Any) -> str:
    return "".join(f"<p style='margin:0'>{_runs(paragraph)}</p>" for paragraph in frame.paragraphs)


def _runs(paragraph: Any) -> str:
    pieces = []
    for run in paragraph.runs:
        size = points(run.font.size) or FONT_POINTS
        weight = "bold" if run.font.bold else "normal"
        colour = "#000000"
        with suppress(AttributeError, TypeError):
            colour = f"#{run.font.color.rgb}"
        style = f"font-size:{size:.1f}pt;font-weight:{weight};color:{colour}"
        pieces.append(f"<span style='{style}'>{escape(run.text)}</span>")
    return "".join(pieces) or "&nbsp;"


def _table(table: Any) -> str:
    rows = (
        "".join(f"<td style='border:1px solid #888'>{escape(cell.text)}</td>" for cell in row.cells)
        for row in table.rows
    )
    return (
        "<table style='border-collapse:collapse;width:100%'>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"
    )
