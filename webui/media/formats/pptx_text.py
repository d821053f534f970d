"""The words of a slide as simple HTML, in the sizes and colours that they have or inherit."""

from __future__ import annotations

from html import escape
from typing import Any

from webui.media.formats.pptx_theme import BLACK, A, Colour, Theme

FONT_POINTS = 18.0
HUNDREDTH = 100  # the format writes font sizes in hundredths of a point
ALIGNMENT = {"ctr": "center", "r": "right", "just": "justify"}
TITLES = ("title", "ctrTitle")
LISTS = ("obj", "body")


def frame_html(shape: Any, theme: Theme) -> str:
    holder = shape.element.find(".//{*}nvPr/{*}ph")
    role = "" if holder is None else holder.get("type", "obj")
    words = "".join(_paragraph(paragraph, theme, role) for paragraph in shape.text_frame.paragraphs)
    return f"<div style='font-family:sans-serif'>{words}</div>"


def table_html(table: Any) -> str:
    rows = (
        "".join(
            f"<td style='border:1px solid #888;padding:2px'>{escape(cell.text)}</td>"
            for cell in row.cells
        )
        for row in table.rows
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f"<table style='font-family:sans-serif;border-collapse:collapse;width:100%'>{body}</table>"
    )


def _paragraph(paragraph: Any, theme: Theme, role: str) -> str:
    """`role`: that of the placeholder, "" for a text of its own."""
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
        (int(source.get("sz")) / HUNDREDTH for source in sources if source.get("sz")), FONT_POINTS
    )
    colour = next((found for source in sources if (found := theme.paint(source))), BLACK)
    weight = "bold" if any(source.get("b") == "1" for source in sources) else "normal"
    style = f"font-size:{size:.1f}pt;font-weight:{weight};color:{as_hex(colour)}"
    return f"<span style='{style}'>{escape(text)}</span>"


def as_hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(value * 255):02x}" for value in colour)
