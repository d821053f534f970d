"""Outlines of shapes and sizes of pictures. Knows no colours and no drawing surface."""

from __future__ import annotations

import math
from dataclasses import dataclass

from recipe.drawing.canvas import CELL, Point
from recipe.rng import Rng

MIN_CELLS = 8
CORNERS = {"triangle": 3, "square": 4, "circle": 72}
PICTURE_RATIOS = (1.0, 1.0, 1.0, 4 / 3, 3 / 4, 16 / 9, 9 / 16, 0.707, 1.414)


@dataclass(frozen=True, slots=True)
class Placement:
    """Centre and radius in pixels, rotation in degrees and aspect ratio of one drawn shape."""

    x: float
    y: float
    radius: float
    rotation: float = 0.0
    aspect: float = 1.0


def outline(shape: str, placement: Placement) -> list[Point]:
    """Return the corners of a shape, in pixels."""
    cosine = math.cos(math.radians(placement.rotation))
    sine = math.sin(math.radians(placement.rotation))
    radius = placement.radius
    return [
        (
            placement.x + radius * (x * cosine - y * sine),
            placement.y + radius * (x * sine + y * cosine),
        )
        for x, y in _unit_outline(shape, placement.aspect)
    ]


def _unit_outline(shape: str, aspect: float) -> list[Point]:
    """Return the corners of a shape of radius 1 around the origin."""
    if shape == "rectangle":
        half_width, half_height = (1.0, 1 / aspect) if aspect > 1 else (aspect, 1.0)
        return [
            (-half_width, -half_height),
            (half_width, -half_height),
            (half_width, half_height),
            (-half_width, half_height),
        ]
    if shape == "star":
        tips = [(1.0 if tip % 2 == 0 else 0.42, math.radians(36 * tip - 90)) for tip in range(10)]
        return [(reach * math.cos(angle), reach * math.sin(angle)) for reach, angle in tips]
    corners = CORNERS[shape]
    start = -135 if shape == "square" else -90
    angles = [math.radians(start + 360 * corner / corners) for corner in range(corners)]
    return [(math.cos(angle) * min(aspect, 1.2), math.sin(angle)) for angle in angles]


def random_rotation(shape: str, rng: Rng) -> float:
    """Return a rotation in degrees, 0 more often than not."""
    if rng.random() < 0.6:
        return 180.0 if shape == "triangle" and rng.random() < 0.15 else 0.0
    return rng.uniform(-180, 180) if rng.random() < 0.3 else rng.uniform(-15, 15)


def random_aspect(shape: str, rng: Rng) -> float:
    """Return width over height of a shape."""
    if shape == "rectangle":
        ratio = rng.uniform(1.75, 3.0)
        return rng.choice((ratio, 1 / ratio))
    return rng.uniform(0.85, 1.18) if shape == "triangle" else 1.0


def random_picture_size(
    max_cells: int, rng: Rng, ratios: tuple[float, ...] = PICTURE_RATIOS
) -> tuple[int, int]:
    """Return (width, height) in pixels: whole cells, MIN_CELLS to `max_cells` of them."""
    ratio = rng.choice(ratios) * rng.uniform(0.95, 1.05)
    columns = max(round(math.sqrt(max_cells * ratio)), 2)
    rows = max(min(round(columns / ratio), max_cells // columns), 1)
    while columns * rows < MIN_CELLS:
        columns, rows = columns + (ratio > 1), rows + (ratio <= 1)
    return columns * CELL, rows * CELL
