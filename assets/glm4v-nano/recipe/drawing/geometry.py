"""Outlines of shapes, sizes of pictures and places that do not touch. Knows no colours and no pens."""

from __future__ import annotations

import math
from dataclasses import dataclass

from recipe.drawing.canvas import UNIT, Point
from recipe.rng import Dice

LEAST_CELLS = 8
CORNERS = {"triangle": 3, "square": 4, "circle": 72}
ASPECTS = (1.0, 1.0, 1.0, 4 / 3, 3 / 4, 16 / 9, 9 / 16, 0.707, 1.414)
Room = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one shape stands: centre and radius in pixels, turn in degrees, width over height."""

    x: float
    y: float
    radius: float
    turn: float = 0.0
    aspect: float = 1.0


def outline(shape: str, spot: Spot) -> list[Point]:
    """The corners of a shape in pixels."""
    if shape == "rectangle":
        wide, high = (1.0, 1 / spot.aspect) if spot.aspect > 1 else (spot.aspect, 1.0)
        points = [(-wide, -high), (wide, -high), (wide, high), (-wide, high)]
    elif shape == "star":
        tips = [(1.0 if tip % 2 == 0 else 0.42, math.radians(36 * tip - 90)) for tip in range(10)]
        points = [(reach * math.cos(angle), reach * math.sin(angle)) for reach, angle in tips]
    else:
        corners = CORNERS[shape]
        start = -135 if shape == "square" else -90
        angles = [math.radians(start + 360 * corner / corners) for corner in range(corners)]
        points = [(math.cos(angle) * min(spot.aspect, 1.2), math.sin(angle)) for angle in angles]
    turn = math.radians(spot.turn)
    cos, sin = math.cos(turn), math.sin(turn)
    return [
        (spot.x + spot.radius * (x * cos - y * sin), spot.y + spot.radius * (x * sin + y * cos))
        for x, y in points
    ]


def spots(count: int, shape: str, room: Room, least: float, dice: Dice) -> list[Spot]:
    """Places that do not touch, inside `room` (left, top, right, bottom). Radii are `least` or more where they fit."""
    left, top, right, bottom = room
    most = (
        min(right - left, bottom - top) / 2 * (0.95 if count == 1 else 0.6 if count == 2 else 0.5)
    )
    found: list[Spot] = []
    tries = 0
    while len(found) < count:
        tries += 1
        if tries > 200:
            found, most, tries = [], most * 0.8, 0
        radius = dice.uniform(min(least, most), most)
        x, y = (
            dice.uniform(left + radius, right - radius),
            dice.uniform(top + radius, bottom - radius),
        )
        if all(
            math.hypot(x - other.x, y - other.y) > 1.08 * (radius + other.radius) for other in found
        ):
            found.append(Spot(x, y, radius, turn(shape, dice), aspect(shape, dice)))
    return found


def row_of_spots(count: int, shape: str, room: Room, dice: Dice) -> list[Spot]:
    """Places of alike things in a row along the longer side of `room`, or in a column; half of them in its middle."""
    left, top, right, bottom = room
    width, height = right - left, bottom - top
    step, depth = max(width, height) / count, min(width, height)
    radius = min(step, depth) / 2 * dice.uniform(0.45, 0.95)
    across = dice.choice((depth / 2, dice.uniform(radius, depth - radius)))
    turned, stretched = turn(shape, dice), aspect(shape, dice)
    along = [(number + 0.5) * step for number in range(count)]
    places = [
        (left + at, top + across) if width >= height else (left + across, top + at) for at in along
    ]
    return [Spot(x, y, radius, turned, stretched) for x, y in places]


def turn(shape: str, dice: Dice) -> float:
    """Mostly upright, sometimes turned."""
    if dice.random() < 0.6:
        return 180.0 if shape == "triangle" and dice.random() < 0.15 else 0.0
    return dice.uniform(-180, 180) if dice.random() < 0.3 else dice.uniform(-15, 15)


def aspect(shape: str, dice: Dice) -> float:
    if shape == "rectangle":
        longer = dice.uniform(1.75, 3.0)
        return dice.choice((longer, 1 / longer))
    return dice.uniform(0.85, 1.18) if shape == "triangle" else 1.0


def picture_size(cells: int, dice: Dice, ratios: tuple[float, ...] = ASPECTS) -> tuple[int, int]:
    """(width, height), multiples of UNIT, of at most `cells` cells and at least LEAST_CELLS."""
    ratio = dice.choice(ratios) * dice.uniform(0.95, 1.05)
    width = max(round(math.sqrt(cells * ratio)), 2)
    height = max(min(round(width / ratio), cells // width), 1)
    while width * height < LEAST_CELLS:
        width, height = width + (ratio > 1), height + (ratio <= 1)
    return width * UNIT, height * UNIT
