"""How a slide looks: colours and text styles inherited from its master, and its words as HTML.

Knows the XML of the format only.
"""

from __future__ import annotations

from colorsys import hls_to_rgb, rgb_to_hls
from html import escape
from typing import Any
from xml.etree.ElementTree import fromstring

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
BLACK = (0.0, 0.0, 0.0)
SHARE_UNITS = 100_000  # the format writes shares in thousandths of a percent
Colour = tuple[float, float, float]
FONT_POINTS = 18.0
FONT_SIZE_UNITS = 100  # the format writes font sizes in hundredths of a point
ALIGNMENT = {"ctr": "center", "r": "right", "just": "justify"}
TITLES = ("title", "ctrTitle")
LISTS = ("obj", "body")
TABLE_STYLE = "font-family:sans-serif;border-collapse:collapse;width:100%"
CELL_STYLE = "border:1px solid #888;padding:2px"


class Theme:
    """The colours and text styles that the slides of one master inherit.

    `master` is the element of the slide master, `xml` the bytes of the theme that it refers to.
    """

    def __init__(self, master: Any, xml: bytes) -> None:
        self._master = master
        scheme = fromstring(xml).find(f".//{A}clrScheme")
        self._scheme = (
            {entry.tag.removeprefix(A): entry[0] for entry in scheme} if scheme is not None else {}
        )
        names = master.find(f".//{P}clrMap")
        # What a slide calls bg1, its master maps to lt1 or dk1.
        self._names: dict[str, str] = dict(names.attrib) if names is not None else {}

    def paint(self, properties: Any, style: Any = None) -> Colour | None:
        """Return the fill of a shape, a background or a run, None for none.

        A gradient is painted in its first colour.
        """
        if properties is not None:
            for child in properties:
                if child.tag in (f"{A}solidFill", f"{A}gradFill"):
                    return self.colour(child)
                if child.tag in (f"{A}noFill", f"{A}blipFill", f"{A}grpFill"):
                    return None
        return self.colour(style) if style is not None and style.get("idx", "1") != "0" else None

    def colour(self, holder: Any) -> Colour | None:
        """Return the first colour in this element."""
        for element in holder.iter(f"{A}srgbClr", f"{A}schemeClr", f"{A}sysClr"):
            return self._shade(element, self._base_colour(element))
        return None

    def _base_colour(self, element: Any) -> Colour:
        value = element.get("lastClr") or element.get("val", "")
        if element.tag == f"{A}schemeClr":
            entry = self._scheme.get(self._names.get(value, value))
            return self._base_colour(entry) if entry is not None else BLACK
        try:
            return (int(value[0:2], 16) / 255, int(value[2:4], 16) / 255, int(value[4:6], 16) / 255)
        except ValueError:
            return BLACK

    def _shade(self, element: Any, colour: Colour) -> Colour:
        """Return the lighter or darker variant that the element asks for."""
        shares = {
            child.tag.removeprefix(A): int(child.get("val", SHARE_UNITS)) / SHARE_UNITS
            for child in element
        }
        hue, light, saturation = rgb_to_hls(*colour)
        light = light * shares.get("lumMod", 1.0) + shares.get("lumOff", 0.0)
        return hls_to_rgb(hue, min(max(light, 0.0), 1.0), saturation)

    def text_style(self, kind: str, level: int) -> Any:
        """Return the paragraph properties at a level from 0, None if there are none.

        `kind` is "title", "body" or "other".
        """
        return self._master.find(f".//{P}{kind}Style/{A}lvl{level + 1}pPr")


def frame_html(shape: Any, theme: Theme) -> str:
    placeholder = shape.element.find(".//{*}nvPr/{*}ph")
    role = "" if placeholder is None else placeholder.get("type", "obj")
    paragraphs = shape.text_frame.paragraphs
    html = "".join(_paragraph(paragraph, theme, role) for paragraph in paragraphs)
    return f"<div style='font-family:sans-serif'>{html}</div>"


def table_html(table: Any) -> str:
    rows: list[str] = []
    for row in table.rows:
        cells = (f"<td style='{CELL_STYLE}'>{escape(cell.text)}</td>" for cell in row.cells)
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table style='{TABLE_STYLE}'>{''.join(rows)}</table>"


def _paragraph(paragraph: Any, theme: Theme, role: str) -> str:
    """Return one paragraph; `role` is that of its placeholder, "" outside of one."""
    kind = "title" if role in TITLES else "body" if role else "other"
    inherited = theme.text_style(kind, paragraph.level)
    sources = [source for source in (paragraph._p.find(f"{A}pPr"), inherited) if source is not None]
    align = next(
        (ALIGNMENT.get(source.get("algn"), "left") for source in sources if source.get("algn")),
        "left",
    )
    fonts = inherited.find(f"{A}defRPr") if inherited is not None else None
    words = [_span(run.text, run._r.find(f"{A}rPr"), fonts, theme) for run in paragraph.runs]
    if role in LISTS and words:
        words.insert(0, _span("• ", None, fonts, theme))
    indent = 18 * paragraph.level
    return (
        f"<p style='margin:0 0 4px {indent}px;text-align:{align}'>{''.join(words) or '&nbsp;'}</p>"
    )


def _span(text: str, own: Any, inherited: Any, theme: Theme) -> str:
    sources = [source for source in (own, inherited) if source is not None]
    size = next(
        (int(source.get("sz")) / FONT_SIZE_UNITS for source in sources if source.get("sz")),
        FONT_POINTS,
    )
    colour = next((painted for source in sources if (painted := theme.paint(source))), BLACK)
    weight = "bold" if any(source.get("b") == "1" for source in sources) else "normal"
    style = f"font-size:{size:.1f}pt;font-weight:{weight};color:{to_hex(colour)}"
    return f"<span style='{style}'>{escape(text)}</span>"


def to_hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(value * 255):02x}" for value in colour)
