"""Frames of a video in which one item moves across the picture."""

from __future__ import annotations

import math

from recipe.drawing.canvas import Canvas, Drawing
from recipe.drawing.colours import random_background, random_shade
from recipe.drawing.geometry import (
    Placement,
    random_aspect,
    random_picture_size,
    random_rotation,
)
from recipe.drawing.layout import Region
from recipe.drawing.render import draw_item
from recipe.drawing.scenes import Item
from recipe.rng import Rng

FRAME_CELLS = 25


def draw_frames(item: Item, direction: str, count: int, rng: Rng) -> list[Drawing]:
    """Draw `count` frames in which `item` moves in `direction`, swaying a little."""
    size = random_picture_size(rng.randint(12, FRAME_CELLS), rng)
    fill = random_shade(item.colour, rng)
    background = random_background(fill, rng)
    (width, height), side = size, min(size)
    radius = side * rng.uniform(0.14, 0.26)
    region: Region = (radius + 3, radius + 3, width - radius - 3, height - radius - 3)
    drift, swing, frequency = (
        rng.uniform(0.3, 0.7),
        rng.uniform(0, 0.1) * side,
        rng.uniform(2, 7),
    )
    still = rng.uniform(region[0], region[2]), rng.uniform(region[1], region[3])
    rotation, aspect = random_rotation(item.shape, rng), random_aspect(item.shape, rng)
    # Every frame is resized and blurred alike.
    finish_seed = f"finish {rng.random()}"
    frames = []
    for index in range(count):
        progress = index / max(count - 1, 1)
        along = progress if direction in ("right", "down") else 1 - progress
        sway = swing * math.sin(frequency * progress)
        if direction in ("left", "right"):
            x, y = region[0] + along * (region[2] - region[0]), drift * height + sway
        else:
            x, y = drift * width + sway, region[1] + along * (region[3] - region[1])
        if direction == "still":
            x, y = still
        x, y = min(max(x, region[0]), region[2]), min(max(y, region[1]), region[3])
        canvas = Canvas(size, background)
        draw_item(canvas, item, Placement(x, y, radius, rotation, aspect), fill, direction)
        frames.append(canvas.finish(Rng(finish_seed)))
    return frames
