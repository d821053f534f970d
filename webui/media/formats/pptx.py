"""Draw a PPTX with python-pptx and PyMuPDF, for machines without LibreOffice.

Draws text, pictures, plain shapes and tables; leaves out SmartArt, charts, embedded objects and
effects. Runs in a child process only.
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
from webui.media.formats.pptx_style import A, P, Theme, frame_html, table_html

EMU_PER_POINT = 12700
TEXT_MARGIN = 4.0
# A shape that cannot be drawn is left out; the rest of its slide is drawn.
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


def draw(path: str, name: str, folder: str) -> Path:
    """Write the presentation as a PDF into `folder`, a page for each slide, and return its path.

    Raises DamagedFileError or NoPagesError.
    """
    try:
        presentation = Presentation(path)
        slides = list(presentation.slides)
        width = (presentation.slide_width or 0) / EMU_PER_POINT
        height = (presentation.slide_height or 0) / EMU_PER_POINT
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
    """Draws one slide on one page."""

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
        for shape, box in _iterate_shapes(
            layer.shapes, pymupdf.Matrix(1 / EMU_PER_POINT, 1 / EMU_PER_POINT)
        ):
            # Placeholders of master and layout are only templates for those of the slide.
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
                    box.x0 + TEXT_MARGIN,
                    box.y0 + TEXT_MARGIN,
                    box.x1 - TEXT_MARGIN,
                    box.y1 - TEXT_MARGIN,
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


def _iterate_shapes(shapes: Any, matrix: pymupdf.Matrix) -> Iterator[tuple[Any, pymupdf.Rect]]:
    """Yield each shape with its box on the page in points, those inside groups included.

    The shapes of a group are placed in the coordinates of that group.
    """
    for shape in shapes:
        left, top = shape.left or 0, shape.top or 0
        box = pymupdf.Rect(left, top, left + (shape.width or 0), top + (shape.height or 0))
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            yield from _iterate_shapes(shape.shapes, _group_matrix(shape, box) * matrix)
        else:
            yield shape, box * matrix


def _group_matrix(group: Any, box: pymupdf.Rect) -> pymupdf.Matrix:
    """Return the matrix from coordinates inside a group to those of the group itself."""
    frame = group.element.find(f"{P}grpSpPr/{A}xfrm")
    offset, extent = (
        frame.find(f"{A}{name}") if frame is not None else None for name in ("chOff", "chExt")
    )
    if offset is None or extent is None:
        return pymupdf.Matrix(1, 1)
    across, down = int(extent.get("cx")) or 1, int(extent.get("cy")) or 1
    matrix = pymupdf.Matrix(1, 0, 0, 1, -int(offset.get("x")), -int(offset.get("y")))
    return matrix * pymupdf.Matrix(box.width / across, 0, 0, box.height / down, box.x0, box.y0)
