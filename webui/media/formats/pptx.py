"""A PPTX drawn by python-pptx and PyMuPDF, for machines without LibreOffice: text, pictures, plain shapes and tables.

What it cannot draw is left out: SmartArt, charts, embedded objects, effects. Runs in a child process only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pymupdf
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE, MSO_SHAPE_TYPE
from pptx.exc import PackageNotFoundError, PythonPptxError
from pptx.opc.constants import RELATIONSHIP_TYPE

from webui.errors import DamagedFileError, NoPagesError
from webui.media.formats.pptx_text import frame_html, table_html
from webui.media.formats.pptx_theme import A, P, Theme

POINT = 12700
MARGIN = 4.0
# A shape that cannot be drawn is left out; the others of its slide are not.
UNDRAWABLE = (
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    RuntimeError,
    OSError,
    ArithmeticError,
    PythonPptxError,
    pymupdf.mupdf.FzErrorBase,
)


def draw_deck(path: str, name: str, folder: str) -> Path:
    """The deck as a PDF in `folder`, a slide a page. Raises DamagedFileError or NoPagesError."""
    try:
        deck = Presentation(path)
        slides = list(deck.slides)
        width, height = (deck.slide_width or 0) / POINT, (deck.slide_height or 0) / POINT
    except (PackageNotFoundError, *UNDRAWABLE) as error:
        raise DamagedFileError(name=name) from error
    if not slides:
        raise NoPagesError(name=name)
    document = pymupdf.open()
    for slide in slides:
        _Slide(slide, document.new_page(width=width, height=height)).draw()
    target = Path(folder, "drawn.pdf")
    document.save(target)
    return target


class _Slide:
    """One slide on its way to one page."""

    def __init__(self, slide: Any, page: pymupdf.Page) -> None:
        self._slide, self._page = slide, page
        self._layers = (slide.slide_layout.slide_master, slide.slide_layout, slide)
        master = self._layers[0]
        self._theme = Theme(
            master.element, master.part.part_related_by(RELATIONSHIP_TYPE.THEME).blob
        )

    def draw(self) -> None:
        self._draw_background()
        for layer in self._layers:
            with suppress(*UNDRAWABLE):
                self._draw_layer(layer)

    def _draw_layer(self, layer: Any) -> None:
        for shape, box in _placed(layer.shapes, pymupdf.Matrix(1 / POINT, 1 / POINT)):
            # The placeholders of master and layout are only forms for the slide's own.
            if layer is self._slide or not shape.is_placeholder:
                with suppress(*UNDRAWABLE):
                    self._draw_shape(shape, box)

    def _draw_background(self) -> None:
        for layer in reversed(self._layers):
            ground = layer.element.find(f".//{P}bg")
            if ground is not None:
                colour = self._theme.colour(ground)
                self._page.draw_rect(self._page.rect, color=None, fill=colour)
                return

    def _draw_shape(self, shape: Any, box: pymupdf.Rect) -> None:
        if getattr(shape, "has_table", False):
            self._page.insert_htmlbox(box, table_html(shape.table))
        elif hasattr(shape, "image"):
            self._page.insert_image(box, stream=shape.image.blob, keep_proportion=False)
        else:
            self._draw_outline(shape, box)
            if shape.has_text_frame and shape.text_frame.text.strip():
                inner = pymupdf.Rect(
                    box.x0 + MARGIN, box.y0 + MARGIN, box.x1 - MARGIN, box.y1 - MARGIN
                )
                self._page.insert_htmlbox(inner, frame_html(shape, self._theme))

    def _draw_outline(self, shape: Any, box: pymupdf.Rect) -> None:
        fill = self._theme.paint(
            shape.element.find(f"{P}spPr"), shape.element.find(f".//{A}fillRef")
        )
        line = self._theme.paint(shape.element.find(f"{P}spPr/{A}ln"))
        if fill is None and line is None:
            return
        form = shape.auto_shape_type if shape.shape_type == MSO_SHAPE_TYPE.AUTO_SHAPE else None
        if form == MSO_SHAPE.OVAL:
            self._page.draw_oval(box, color=line, fill=fill)
        elif form == MSO_SHAPE.ISOSCELES_TRIANGLE:
            top = pymupdf.Point((box.x0 + box.x1) / 2, box.y0)
            self._page.draw_polyline([box.bl, top, box.br], color=line, fill=fill, closePath=True)
        else:
            self._page.draw_rect(box, color=line, fill=fill)


def _placed(shapes: Any, matrix: pymupdf.Matrix) -> Iterator[tuple[Any, pymupdf.Rect]]:
    """Each shape and its place on the page in points; those of a group stand in the group's own coordinates."""
    for shape in shapes:
        left, top = shape.left or 0, shape.top or 0
        box = pymupdf.Rect(left, top, left + (shape.width or 0), top + (shape.height or 0))
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            yield from _placed(shape.shapes, _inner(shape, box) * matrix)
        else:
            yield shape, box * matrix


def _inner(group: Any, box: pymupdf.Rect) -> pymupdf.Matrix:
    """From a group's inner coordinates to those that it stands in itself."""
    frame = group.element.find(f"{P}grpSpPr/{A}xfrm")
    offset, extent = (
        frame.find(f"{A}{name}") if frame is not None else None for name in ("chOff", "chExt")
    )
    if offset is None or extent is None:
        return pymupdf.Matrix(1, 1)
    across, down = int(extent.get("cx")) or 1, int(extent.get("cy")) or 1
    matrix = pymupdf.Matrix(1, 0, 0, 1, -int(offset.get("x")), -int(offset.get("y")))
    return matrix * pymupdf.Matrix(box.width / across, 0, 0, box.height / down, box.x0, box.y0)
