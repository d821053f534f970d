"""Placements of objects in a picture, so that none touches another, and the names of places."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from recipe.drawing.geometry import Placement, random_aspect, random_rotation
from recipe.drawing.scenes import PLACE_CENTRES, Item
from recipe.rng import Rng

Region = tuple[float, float, float, float]  # left, top, right, bottom in pixels

MIN_RADIUS = 14.0  # pixels, below which a star and a circle look alike
MAX_TRIES = 200  # before the objects are made smaller
# Thousandths of the picture. An object is in the middle if its centre is at most MIDDLE_REACH off
# it, and at a side from SIDE_REACH on if it is SIDE_LEAD times as far off one way as the other.
MIDDLE_REACH, SIDE_REACH, SIDE_LEAD = 90, 130, 1.5


def random_placements(
    count: int, shape: str, region: Region, min_radius: float, rng: Rng
) -> list[Placement]:
    """Return placements inside `region` that do not touch.

    Radii are at least `min_radius` unless that many objects do not fit.
    """
    left, top, right, bottom = region
    fraction = {1: 0.95, 2: 0.6}.get(count, 0.5)
    max_radius = min(right - left, bottom - top) / 2 * fraction
    placements: list[Placement] = []
    tries = 0
    while len(placements) < count:
        tries += 1
        if tries > MAX_TRIES:
            placements, max_radius, tries = [], max_radius * 0.8, 0
        radius = rng.uniform(min(min_radius, max_radius), max_radius)
        x = rng.uniform(left + radius, right - radius)
        y = rng.uniform(top + radius, bottom - radius)
        if all(
            math.hypot(x - other.x, y - other.y) > 1.08 * (radius + other.radius)
            for other in placements
        ):
            rotation, aspect = random_rotation(shape, rng), random_aspect(shape, rng)
            placements.append(Placement(x, y, radius, rotation, aspect))
    return placements


def random_row(count: int, shape: str, region: Region, rng: Rng) -> list[Placement]:
    """Return equal placements in a row along the longer side of `region`.

    Half of the rows run through the middle of the shorter side.
    """
    left, top, right, bottom = region
    width, height = right - left, bottom - top
    step, depth = max(width, height) / count, min(width, height)
    radius = min(step, depth) / 2 * rng.uniform(0.45, 0.95)
    across = rng.choice((depth / 2, rng.uniform(radius, depth - radius)))
    rotation, aspect = random_rotation(shape, rng), random_aspect(shape, rng)
    placements = []
    for index in range(count):
        along = (index + 0.5) * step
        x, y = (along, across) if width >= height else (across, along)
        placements.append(Placement(left + x, top + y, radius, rotation, aspect))
    return placements


def close_placements(items: Sequence[Item], size: tuple[int, int], rng: Rng) -> list[Placement]:
    """Return placements of similar size, close to the centres of the places of `items`."""
    placements = []
    for item in items:
        max_offset = 0.06 if item.place == "middle" else 0.045
        radius = min(size) * rng.uniform(0.1, 0.165)
        placements.append(_placement_near(item, size, radius, max_offset, rng))
    return placements


def loose_placements(items: Sequence[Item], size: tuple[int, int], rng: Rng) -> list[Placement]:
    """Return placements of any size, as far from the centres of places as these keep their names.

    None touches another.
    """
    max_radius = 0.2 * min(size)
    while True:
        placements = []
        for item in items:
            radius = rng.uniform(min(MIN_RADIUS, max_radius), max_radius)
            placements.append(_placement_near(item, size, radius, 0.09, rng))
        if all(
            math.hypot(first.x - second.x, first.y - second.y) > first.radius + second.radius
            for first, second in itertools.combinations(placements, 2)
        ):
            return placements
        max_radius *= 0.98


def _placement_near(
    item: Item, size: tuple[int, int], radius: float, max_offset: float, rng: Rng
) -> Placement:
    """Return a placement at most `max_offset` of the picture's sides from its place's centre."""
    x, y = (centre + rng.uniform(-max_offset, max_offset) for centre in PLACE_CENTRES[item.place])
    rotation, aspect = random_rotation(item.shape, rng), random_aspect(item.shape, rng)
    return Placement(x * size[0], y * size[1], radius, rotation, aspect)


def name_place(box: tuple[int, int, int, int]) -> str:
    """Return the place of a box in thousandths, or "" if it lies between two places."""
    left, top, right, bottom = box
    across, down = (left + right) / 2 - 500, (top + bottom) / 2 - 500
    far, near = sorted((abs(across), abs(down)), reverse=True)
    if far < MIDDLE_REACH:
        return "middle"
    if far < SIDE_REACH or far < SIDE_LEAD * near:
        return ""
    if far == abs(across):
        return "left" if across < 0 else "right"
    return "top" if down < 0 else "bottom"
