"""Draws scenes and clips with Pillow. Knows no words and no tokens."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

from recipe.dialogue.vocabulary import COLOURS
from recipe.drawing.canvas import RGB, UNIT, Canvas, Drawing, Mark
from recipe.drawing.clutter import plain_headline, small_print, strange
from recipe.drawing.color import background, brightness, contrast, inks, paint
from recipe.drawing.geometry import (
    ASPECTS,
    Room,
    Spot,
    aspect,
    outline,
    picture_size,
    row_of_spots,
    spots,
    turn,
)
from recipe.drawing.glyphs import Type, any_type
from recipe.drawing.scenes import PLACE_CENTRES, Item, Scene, shortest, tallest
from recipe.rng import Dice

FRAME_CELLS = 25
PICTURE_CELLS = 48
PAGE_RATIOS = (0.707, 0.707, 0.773, 16 / 9, 4 / 3, 1.414)
SCATTERED_RATIOS = (1.0, 4 / 3, 3 / 4)
LEAST_RADIUS = 14.0  # pixels, below which a star and a circle look alike
ROW_SHARE = 0.4  # of the pictures of several alike things show them in a row
LEAST_TYPE, MOST_TYPE = 18, 40
CHART_TYPE = 15, 22
MARGIN = 12
# How far from the middle of a picture, in thousandths, a thing's centre is still in the middle, or at a side: there it
# is SIDE_LEAD times as far off one way as the other.
MIDDLE_REACH, SIDE_REACH, SIDE_LEAD = 90, 130, 1.5


def draw(scene: Scene, dice: Dice, cells: int = PICTURE_CELLS) -> tuple[Scene, Drawing]:
    """The picture of a scene, of at most `cells` cells, and the scene with what only the drawing knows."""
    makers = {
        "shapes": draw_shapes,
        "scattered": draw_scattered,
        "headline": draw_headline,
        "chart": draw_chart,
    }
    if scene.kind == "other":
        size = picture_size(cells, dice)
        return scene, replace(
            Canvas(size, (0, 0, 0), fine=1).finished(dice), image=strange(size, dice)
        )
    return makers.get(scene.kind, draw_page)(scene, dice, cells)


def draw_shapes(scene: Scene, dice: Dice, cells: int) -> tuple[Scene, Drawing]:
    thing, count = scene.items[0], len(scene.items)
    in_row = count > 1 and dice.chance(ROW_SHARE)
    # A row is as large as a picture of scattered things: not its size tells that they are alike.
    least, ratios = (2 * cells // 3, SCATTERED_RATIOS) if in_row else (cells // 3, ASPECTS)
    size = picture_size(max(dice.randint(least, cells), 5 * count), dice, ratios)
    fill = paint(thing.colour, dice)
    ground, tone = background(fill, dice)
    canvas = Canvas(size, ground)
    room = 2.0, 2.0, size[0] - 2.0, size[1] - 2.0
    if in_row:
        found = row_of_spots(count, thing.shape, room, dice)
    else:
        found = spots(count, thing.shape, room, LEAST_RADIUS, dice)
    boxes = [put(canvas, thing, spot, fill) for spot in found]
    items = (
        tuple(replace(thing, place=place_of(box), box=box) for box in boxes)
        if count == 1
        else scene.items
    )
    return replace(scene, items=items, dark=tone == "dark"), canvas.finished(dice)


def draw_scattered(scene: Scene, dice: Dice, cells: int) -> tuple[Scene, Drawing]:
    """Each thing near the place that it names."""
    size = picture_size(dice.randint(2 * cells // 3, cells), dice, SCATTERED_RATIOS)
    fills = [paint(item.colour, dice) for item in scene.items]
    ground = far_from(fills, dice)
    canvas = Canvas(size, ground)
    found = (loose_spots if scene.loose else close_spots)(scene.items, size, dice)
    boxes = [put(canvas, *each) for each in zip(scene.items, found, fills, strict=True)]
    items = [replace(item, box=box) for item, box in zip(scene.items, boxes, strict=True)]
    return replace(scene, items=tuple(items), dark=brightness(ground) < 128), canvas.finished(dice)


def close_spots(items: Sequence[Item], size: tuple[int, int], dice: Dice) -> list[Spot]:
    """Of things of about the same size, close to the centres of their places."""
    found = []
    for item in items:
        off = 0.06 if item.place == "middle" else 0.045
        found.append(spot_of(item, size, min(size) * dice.uniform(0.1, 0.165), off, dice))
    return found


def loose_spots(items: Sequence[Item], size: tuple[int, int], dice: Dice) -> list[Spot]:
    """Of small and large things, as far from the centres of their places as these can still be named; none touch."""
    most = 0.2 * min(size)
    while True:
        found = [
            spot_of(item, size, dice.uniform(min(LEAST_RADIUS, most), most), 0.09, dice)
            for item in items
        ]
        pairs = itertools.combinations(found, 2)
        if all(
            math.hypot(one.x - other.x, one.y - other.y) > one.radius + other.radius
            for one, other in pairs
        ):
            return found
        most *= 0.98


def spot_of(item: Item, size: tuple[int, int], radius: float, off: float, dice: Dice) -> Spot:
    """At most `off` of the picture's width and height from the centre of the thing's place."""
    x, y = (at + dice.uniform(-off, off) for at in PLACE_CENTRES[item.place])
    return Spot(x * size[0], y * size[1], radius, turn(item.shape, dice), aspect(item.shape, dice))


def draw_headline(scene: Scene, dice: Dice, cells: int) -> tuple[Scene, Drawing]:
    """A page, a slide or a sign: the headline on top or, on a sign, anywhere."""
    size = picture_size(
        dice.randint(cells // 2, cells),
        dice,
        PAGE_RATIOS if scene.lines else (2.0, 3.0, 16 / 9, 1.0),
    )
    kind = fitting_type(scene.headline, size[0] - MARGIN, size[1] * 0.5, dice)
    size = wide_enough(kind.width(scene.headline) + MARGIN, size, cells)
    ground, ink = inks(dice)
    canvas, (width, height) = Canvas(size, ground), size
    free = width - kind.width(scene.headline)
    x = dice.choice((min(free, dice.uniform(4, 24)), free / 2, dice.uniform(0, free)))
    tall = kind.height
    y = (
        dice.uniform(2, max(height * 0.15, 3))
        if scene.lines or scene.items
        else dice.uniform(0, height - tall - 2)
    )
    y = min(y, max(height - tall - 2, 0))
    canvas.write((x, y), scene.headline, kind, ink)
    top = y + tall + dice.uniform(6, 20)
    below = (4.0, top, width - 4.0, height - 4.0)
    items = scene.items if min(width - 8, below[3] - top) > 2.4 * LEAST_RADIUS else ()
    if items:
        fill = paint(items[0].colour, dice)
        while contrast(fill, ground) < 90:
            items = (Item(dice.choice(tuple(COLOURS)), items[0].shape),)
            fill = paint(items[0].colour, dice)
        put(canvas, items[0], spots(1, items[0].shape, below, LEAST_RADIUS, dice)[0], fill)
    lines = scene.lines and not items and below[3] - top > 14
    if lines:
        small_print(canvas, below, ink, dice)
    return replace(scene, items=items, lines=lines, dark=brightness(ground) < 128), canvas.finished(
        dice
    )


def draw_chart(scene: Scene, dice: Dice, cells: int) -> tuple[Scene, Drawing]:
    """Bars that stand on a line, their letters below."""
    size = picture_size(dice.randint(2 * cells // 3, cells), dice, (1.0, 4 / 3, 16 / 9))
    ground, ink = inks(dice)
    canvas, (width, height) = Canvas(size, ground), size
    kind = any_type(dice, *CHART_TYPE)
    foot, step = height - kind.height - 8, (width - 12) / len(scene.bars)
    alike = bar_colour(ground, dice)
    for number, bar in enumerate(scene.bars):
        left = 6 + step * (number + dice.uniform(0.12, 0.2))
        right, top = left + step * dice.uniform(0.5, 0.65), foot - bar.height * (foot - 8)
        name, fill = alike if dice.chance(0.7) else bar_colour(ground, dice)
        rank = {tallest(scene.bars): "tallest", shortest(scene.bars): "shortest"}.get(
            bar.letter, "other"
        )
        mark = Mark(name, "rectangle", bar.letter, rank)
        canvas.polygon([(left, top), (right, top), (right, foot), (left, foot)], fill, mark)
        canvas.write(((left + right - kind.width(bar.letter)) / 2, foot + 2), bar.letter, kind, ink)
    canvas.stroke([(4, foot), (width - 4, foot)], ink, 1.5)
    return replace(scene, dark=brightness(ground) < 128), canvas.finished(dice)


def draw_page(scene: Scene, dice: Dice, cells: int) -> tuple[Scene, Drawing]:
    """A page of text that cannot be read, or an empty one."""
    size = picture_size(dice.randint(cells // 2, cells), dice, PAGE_RATIOS)
    ground, ink = inks(dice)
    canvas = Canvas(size, ground)
    if scene.kind == "text":
        left, top, right, bottom = 6.0, 6.0, size[0] - 6.0, size[1] - 6.0
        if dice.chance(0.5):
            top = plain_headline(canvas, (left, top, right, bottom), ink, dice)
        small_print(canvas, (left, top, right, bottom), ink, dice)
    return replace(scene, dark=brightness(ground) < 128), canvas.finished(dice)


def put(
    canvas: Canvas, item: Item, spot: Spot, fill: RGB, moves: str = ""
) -> tuple[int, int, int, int]:
    """Draw one thing; its box in thousandths of the picture."""
    edges = canvas.polygon(
        outline(item.shape, spot), fill, Mark(item.colour, item.shape, moves=moves)
    )
    left, top, right, bottom = (min(max(round(1000 * edge), 0), 1000) for edge in edges)
    return left, top, right, bottom


def place_of(box: tuple[int, int, int, int]) -> str:
    """The place that anybody would name for a box in thousandths; "" between two places."""
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


def fitting_type(text: str, width: float, height: float, dice: Dice) -> Type:
    """A type of which `text` fits into that room, or the smallest that can be read."""
    kind = any_type(dice, LEAST_TYPE, max(min(MOST_TYPE, height), LEAST_TYPE))
    while kind.size > LEAST_TYPE and kind.width(text) > width:
        kind = Type(kind.name, kind.size - 1)
    return kind


def wide_enough(width: float, size: tuple[int, int], cells: int) -> tuple[int, int]:
    """`size`, or one of at most `cells` cells that is `width` pixels wide."""
    columns = max(math.ceil(width / UNIT), size[0] // UNIT)
    return columns * UNIT, max(min(size[1] // UNIT, cells // columns), 1) * UNIT


def bar_colour(ground: RGB, dice: Dice) -> tuple[str, RGB]:
    while True:
        name = dice.choice(tuple(COLOURS))
        fill = paint(name, dice)
        if contrast(fill, ground) > 110:
            return name, fill


def far_from(fills: Sequence[RGB], dice: Dice) -> RGB:
    """A ground on which all of them can be seen; the last one tried if there is none."""
    for _ in range(40):
        ground, _ = background(fills[0], dice)
        if all(contrast(ground, fill) > 90 for fill in fills):
            return ground
    return (200, 205, 210)


def clip(thing: Item, direction: str, count: int, dice: Dice) -> list[Drawing]:
    """Frames of one thing that moves across, a little unsteadily."""
    size = picture_size(dice.randint(12, FRAME_CELLS), dice)
    fill = paint(thing.colour, dice)
    ground, _ = background(fill, dice)
    (width, height), side = size, min(size)
    radius = side * dice.uniform(0.14, 0.26)
    room: Room = (radius + 3, radius + 3, width - radius - 3, height - radius - 3)
    drift, swing, wave = dice.uniform(0.3, 0.7), dice.uniform(0, 0.1) * side, dice.uniform(2, 7)
    still = dice.uniform(room[0], room[2]), dice.uniform(room[1], room[3])
    turned, stretched = turn(thing.shape, dice), aspect(thing.shape, dice)
    finish = f"finish {dice.random()}"
    frames = []
    for index in range(count):
        share = index / max(count - 1, 1)
        along = share if direction in ("right", "down") else 1 - share
        sway = swing * math.sin(wave * share)
        if direction in ("left", "right"):
            x, y = room[0] + along * (room[2] - room[0]), drift * height + sway
        else:
            x, y = drift * width + sway, room[1] + along * (room[3] - room[1])
        if direction == "still":
            x, y = still
        x, y = min(max(x, room[0]), room[2]), min(max(y, room[1]), room[3])
        canvas = Canvas(size, ground)
        put(canvas, thing, Spot(x, y, radius, turned, stretched), fill, direction)
        frames.append(canvas.finished(Dice(finish)))
    return frames
