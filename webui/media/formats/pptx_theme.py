"""The colours and text styles that a deck's slides inherit from their master. Knows the file format's XML only."""

from __future__ import annotations

from colorsys import hls_to_rgb, rgb_to_hls
from typing import Any
from xml.etree.ElementTree import fromstring

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
BLACK = (0.0, 0.0, 0.0)
PART = 100_000  # the format writes shares in thousandths of a percent
Colour = tuple[float, float, float]


class Theme:
    """`master`: the slide master's element; `xml`: the bytes of the theme that it refers to."""

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
        """What a shape, a background or a run is filled with; None for nothing. Of a gradient the first colour."""
        if properties is not None:
            for child in properties:
                if child.tag in (f"{A}solidFill", f"{A}gradFill"):
                    return self.colour(child)
                if child.tag in (f"{A}noFill", f"{A}blipFill", f"{A}grpFill"):
                    return None
        return self.colour(style) if style is not None and style.get("idx", "1") != "0" else None

    def colour(self, holder: Any) -> Colour | None:
        """The first colour that stands in this element."""
        for element in holder.iter(f"{A}srgbClr", f"{A}schemeClr", f"{A}sysClr"):
            return self._shade(element, self._plain(element))
        return None

    def _plain(self, element: Any) -> Colour:
        value = element.get("lastClr") or element.get("val", "")
        if element.tag == f"{A}schemeClr":
            entry = self._scheme.get(self._names.get(value, value))
            return self._plain(entry) if entry is not None else BLACK
        try:
            return (int(value[0:2], 16) / 255, int(value[2:4], 16) / 255, int(value[4:6], 16) / 255)
        except ValueError:
            return BLACK

    def _shade(self, element: Any, colour: Colour) -> Colour:
        """Lighter and darker variants of a theme's colours."""
        shares = {
            child.tag.removeprefix(A): int(child.get("val", PART)) / PART for child in element
        }
        hue, light, saturation = rgb_to_hls(*colour)
        light = light * shares.get("lumMod", 1.0) + shares.get("lumOff", 0.0)
        return hls_to_rgb(hue, min(max(light, 0.0), 1.0), saturation)

    def text_style(self, kind: str, level: int) -> Any:
        """The paragraph properties of `kind` "title", "body" or "other" at a level from 0; None if there are none."""
        return self._master.find(f".//{P}{kind}Style/{A}lvl{level + 1}pPr")
