"""Colours that go by a name, and backgrounds on which they can be seen."""

from __future__ import annotations

import colorsys
import math
from random import Random

RGB = tuple[int, int, int]
MIN_CONTRAST = 110.0
# Hue in degrees, saturation and value in percent, each from-to: what people would call by that name.
PAINTS: dict[str, tuple[int, int, int, int, int, int]] = {
    "red": (350, 368, 75, 100, 65, 100),
    "green": (90, 150, 50, 100, 42, 100),
    "blue": (204, 244, 60, 100, 50, 100),
    "yellow": (47, 61, 70, 100, 88, 100),
    "orange": (22, 39, 80, 100, 90, 100),
    "purple": (266, 301, 50, 100, 42, 85),
    "black": (0, 360, 0, 20, 0, 12),
    "white": (0, 360, 0, 3, 96, 100),
    "gray": (0, 360, 0, 5, 42, 66),
    "pink": (322, 351, 24, 60, 95, 100),
}


def paint(name: str, random: Random) -> RGB:
    """A colour that goes by that name."""
    hue, saturation, value = (random.uniform(*PAINTS[name][at : at + 2]) for at in (0, 2, 4))
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, saturation / 100, value / 100)
    return round(red * 255), round(green * 255), round(blue * 255)


def contrast(one: RGB, other: RGB) -> float:
    return math.dist(one, other)


def background(fill: RGB, random: Random) -> tuple[RGB, str]:
    """A plain colour far from `fill`, and whether it is "light" or "dark". White most often."""
    while True:
        kind = random.random()
        if kind < 0.5:
            tone = (255, 255, 255)
        else:
            light = kind < 0.78
            value = random.uniform(0.85, 1) if light else random.uniform(0, 0.27)
            saturation = random.uniform(0, 0.15 if light else 0.5)
            parts = colorsys.hsv_to_rgb(random.random(), saturation, value)
            tone = (round(parts[0] * 255), round(parts[1] * 255), round(parts[2] * 255))
        if contrast(tone, fill) > MIN_CONTRAST:
            return tone, "light" if sum(tone) > 382 else "dark"
