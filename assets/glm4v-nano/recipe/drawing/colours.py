"""Shades of each colour name, and backgrounds on which they can be seen."""

from __future__ import annotations

import colorsys
import math

from recipe.rng import Rng

RGB = tuple[int, int, int]
WHITE: RGB = (255, 255, 255)
MIN_CONTRAST = 110.0
# From-to of the hue in degrees, of the saturation and of the value in percent. People would call
# every shade within by that name.
HSV_RANGES: dict[str, tuple[int, int, int, int, int, int]] = {
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


def hsv_to_rgb(hue: float, saturation: float, value: float) -> RGB:
    """Convert a colour whose three components are from 0 to 1."""
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def random_shade(colour: str, rng: Rng) -> RGB:
    """Return a shade that goes by the name `colour`."""
    lows, highs = HSV_RANGES[colour][::2], HSV_RANGES[colour][1::2]
    fractions = rng.sample_fraction(), rng.random(), rng.sample_fraction()
    hue, saturation, value = (
        low + fraction * (high - low)
        for low, high, fraction in zip(lows, highs, fractions, strict=True)
    )
    return hsv_to_rgb(hue % 360 / 360, saturation / 100, value / 100)


def contrast(first: RGB, second: RGB) -> float:
    """Return the distance of two colours in RGB space."""
    return math.dist(first, second)


def brightness(colour: RGB) -> float:
    """Return the luma of a colour, from 0 to 255."""
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def random_page_colours(rng: Rng) -> tuple[RGB, RGB]:
    """Return (background, ink) of readable text.

    Four in ten are black on white; the others have any colours, and may be a dark theme.
    """
    if rng.random() < 0.4:
        return WHITE, (rng.randint(0, 60),) * 3
    while True:
        background, ink = (
            _random_tone(rng, light) for light in rng.choice(((True, False), (False, True)))
        )
        if abs(brightness(background) - brightness(ink)) > MIN_CONTRAST:
            return background, ink


def _random_tone(rng: Rng, light: bool) -> RGB:
    value = rng.uniform(0.8, 1) if light else rng.uniform(0, 0.55)
    saturation = rng.uniform(0, 0.3) if light else rng.uniform(0, 1)
    return hsv_to_rgb(rng.random(), saturation if rng.random() < 0.7 else 0.0, value)


def random_background(fill: RGB, rng: Rng) -> RGB:
    """Return a plain background in contrast with `fill`. Half of those tried are white."""
    while True:
        kind = rng.random()
        if kind < 0.5:
            background = WHITE
        else:
            light = kind < 0.78
            value = rng.uniform(0.85, 1) if light else rng.uniform(0, 0.27)
            saturation = rng.uniform(0, 0.15 if light else 0.5)
            background = hsv_to_rgb(rng.random(), saturation, value)
        if contrast(background, fill) > MIN_CONTRAST:
            return background


def random_shared_background(fills: list[RGB], rng: Rng) -> RGB:
    """Return a background in contrast with all `fills`, or a light gray if none is found soon."""
    for _ in range(40):
        background = random_background(fills[0], rng)
        if all(contrast(background, fill) > 90 for fill in fills):
            return background
    return (200, 205, 210)
