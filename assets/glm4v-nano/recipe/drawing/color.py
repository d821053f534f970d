"""Colours that go by a name, and backgrounds on which they can be seen."""

from __future__ import annotations

import colorsys
import math

from recipe.rng import Dice

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


def paint(name: str, dice: Dice) -> RGB:
    """A shade that goes by that name."""
    lows, highs = PAINTS[name][::2], PAINTS[name][1::2]
    shares = dice.share(), dice.random(), dice.share()
    hue, saturation, value = (
        low + share * (high - low) for low, high, share in zip(lows, highs, shares, strict=True)
    )
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, saturation / 100, value / 100)
    return round(red * 255), round(green * 255), round(blue * 255)


def contrast(one: RGB, other: RGB) -> float:
    return math.dist(one, other)


def inks(dice: Dice) -> tuple[RGB, RGB]:
    """A ground and an ink that can be read on it: mostly black on white, at times a dark theme or colours."""
    if dice.random() < 0.4:
        return (255, 255, 255), (dice.randint(0, 60),) * 3
    while True:
        ground, ink = (_tone(dice, light) for light in dice.choice(((True, False), (False, True))))
        if abs(brightness(ground) - brightness(ink)) > 110:
            return ground, ink


def brightness(colour: RGB) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def _tone(dice: Dice, light: bool) -> RGB:
    value = dice.uniform(0.8, 1) if light else dice.uniform(0, 0.55)
    saturation = dice.uniform(0, 0.3) if light else dice.uniform(0, 1)
    red, green, blue = colorsys.hsv_to_rgb(
        dice.random(), saturation if dice.random() < 0.7 else 0.0, value
    )
    return round(red * 255), round(green * 255), round(blue * 255)


def background(fill: RGB, dice: Dice) -> tuple[RGB, str]:
    """A plain colour far from `fill`, and whether it is "light" or "dark". White most often."""
    while True:
        kind = dice.random()
        if kind < 0.5:
            tone = (255, 255, 255)
        else:
            light = kind < 0.78
            value = dice.uniform(0.85, 1) if light else dice.uniform(0, 0.27)
            saturation = dice.uniform(0, 0.15 if light else 0.5)
            parts = colorsys.hsv_to_rgb(dice.random(), saturation, value)
            tone = (round(parts[0] * 255), round(parts[1] * 255), round(parts[2] * 255))
        if contrast(tone, fill) > MIN_CONTRAST:
            return tone, "light" if sum(tone) > 382 else "dark"
