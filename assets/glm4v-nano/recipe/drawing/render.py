"""Scenes drawn with Pillow. Knows no sentences and no tokens."""

from __future__ import annotations

import math
from dataclasses import replace

from recipe.drawing.canvas import CELL, RGB, Canvas, Drawing, ObjectLabel
from recipe.drawing.colours import (
    WHITE,
    brightness,
    contrast,
    random_background,
    random_page_colours,
    random_shade,
    random_shared_background,
)
from recipe.drawing.distractors import (
    draw_lower_case_headline,
    draw_small_print,
    random_abstract_image,
)
from recipe.drawing.geometry import PICTURE_RATIOS, Placement, outline, random_picture_size
from recipe.drawing.glyphs import TextStyle, random_style
from recipe.drawing.layout import (
    MIN_RADIUS,
    close_placements,
    loose_placements,
    name_place,
    random_placements,
    random_row,
)
from recipe.drawing.scenes import Item, Scene, shortest_letter, tallest_letter
from recipe.rng import Rng
from recipe.vocabulary import COLOURS

PICTURE_CELLS = 48
PAGE_RATIOS = (0.707, 0.707, 0.773, 16 / 9, 4 / 3, 1.414)
SIGN_RATIOS = (2.0, 3.0, 16 / 9, 1.0)
CHART_RATIOS = (1.0, 4 / 3, 16 / 9)
SCATTERED_RATIOS = (1.0, 4 / 3, 3 / 4)
ROW_FRACTION = 0.4  # of the pictures of several alike items
MIN_FONT_SIZE, MAX_FONT_SIZE = 18, 40
CHART_FONT_SIZES = 15, 22
MARGIN = 12


def draw(scene: Scene, rng: Rng, max_cells: int = PICTURE_CELLS) -> tuple[Scene, Drawing]:
    """Draw a scene in at most `max_cells` cells.

    Return the scene as well, with what only the drawing decides: boxes, places, dark or light,
    and whether an item and small print found room below a headline.
    """
    makers = {
        "shapes": draw_shapes,
        "scattered": draw_scattered,
        "headline": draw_headline,
        "chart": draw_chart,
        "other": draw_abstract,
    }
    return makers.get(scene.kind, draw_page)(scene, rng, max_cells)


def draw_abstract(scene: Scene, rng: Rng, max_cells: int) -> tuple[Scene, Drawing]:
    size = random_picture_size(max_cells, rng)
    drawing = Canvas(size, (0, 0, 0), scale=1).finish(rng)
    return scene, replace(drawing, image=random_abstract_image(size, rng))


def draw_shapes(scene: Scene, rng: Rng, max_cells: int) -> tuple[Scene, Drawing]:
    """Draw items that are all alike, anywhere or in a row."""
    item, count = scene.items[0], len(scene.items)
    in_row = count > 1 and rng.chance(ROW_FRACTION)
    # A row has the size of a scattered scene. Otherwise the size alone would tell the two apart.
    min_cells = 2 * max_cells // 3 if in_row else max_cells // 3
    ratios = SCATTERED_RATIOS if in_row else PICTURE_RATIOS
    cells = max(rng.randint(min_cells, max_cells), 5 * count)
    size = random_picture_size(cells, rng, ratios)
    fill = random_shade(item.colour, rng)
    background = random_background(fill, rng)
    canvas = Canvas(size, background)
    region = 2.0, 2.0, size[0] - 2.0, size[1] - 2.0
    if in_row:
        placements = random_row(count, item.shape, region, rng)
    else:
        placements = random_placements(count, item.shape, region, MIN_RADIUS, rng)
    boxes = [draw_item(canvas, item, placement, fill) for placement in placements]
    items = scene.items
    if count == 1:
        items = (replace(item, place=name_place(boxes[0]), box=boxes[0]),)
    dark = 2 * sum(background) < sum(WHITE)
    return replace(scene, items=items, dark=dark), canvas.finish(rng)


def draw_scattered(scene: Scene, rng: Rng, max_cells: int) -> tuple[Scene, Drawing]:
    """Draw each item near its place."""
    size = random_picture_size(rng.randint(2 * max_cells // 3, max_cells), rng, SCATTERED_RATIOS)
    fills = [random_shade(item.colour, rng) for item in scene.items]
    background = random_shared_background(fills, rng)
    canvas = Canvas(size, background)
    choose_placements = loose_placements if scene.loose else close_placements
    placements = choose_placements(scene.items, size, rng)
    items = []
    for item, placement, fill in zip(scene.items, placements, fills, strict=True):
        items.append(replace(item, box=draw_item(canvas, item, placement, fill)))
    scene = replace(scene, items=tuple(items), dark=brightness(background) < 128)
    return scene, canvas.finish(rng)


def draw_headline(scene: Scene, rng: Rng, max_cells: int) -> tuple[Scene, Drawing]:
    """Draw a page, a slide or a sign: the headline is at the top or, on a sign, anywhere."""
    ratios = PAGE_RATIOS if scene.lines else SIGN_RATIOS
    size = random_picture_size(rng.randint(max_cells // 2, max_cells), rng, ratios)
    style = _fitting_style(scene.headline, size[0] - MARGIN, size[1] * 0.5, rng)
    text_width = style.measure_width(scene.headline)
    width, height = size = _widen(size, text_width + MARGIN, max_cells)
    background, ink = random_page_colours(rng)
    canvas = Canvas(size, background)
    free = width - text_width
    x = rng.choice((min(free, rng.uniform(4, 24)), free / 2, rng.uniform(0, free)))
    max_y = height - style.baseline - 2
    on_top = scene.lines or scene.items
    y = rng.uniform(2, max(height * 0.15, 3)) if on_top else rng.uniform(0, max_y)
    y = min(y, max(max_y, 0))
    canvas.write((x, y), scene.headline, style, ink)
    top = y + style.baseline + rng.uniform(6, 20)
    below = (4.0, top, width - 4.0, height - 4.0)
    items = scene.items if min(width - 8, below[3] - top) > 2.4 * MIN_RADIUS else ()
    if items:
        item, fill = _contrasting_item(items[0], background, rng)
        [placement] = random_placements(1, item.shape, below, MIN_RADIUS, rng)
        draw_item(canvas, item, placement, fill)
        items = (item,)
    lines = scene.lines and not items and below[3] - top > 14
    if lines:
        draw_small_print(canvas, below, ink, rng)
    scene = replace(scene, items=items, lines=lines, dark=brightness(background) < 128)
    return scene, canvas.finish(rng)


def _contrasting_item(item: Item, background: RGB, rng: Rng) -> tuple[Item, RGB]:
    """Return `item`, in another colour if its own cannot be seen on `background`, and its shade."""
    fill = random_shade(item.colour, rng)
    while contrast(fill, background) < 90:
        item = Item(rng.choice(tuple(COLOURS)), item.shape)
        fill = random_shade(item.colour, rng)
    return item, fill


def draw_chart(scene: Scene, rng: Rng, max_cells: int) -> tuple[Scene, Drawing]:
    """Draw bars that stand on a line, with their letters below it."""
    size = random_picture_size(rng.randint(2 * max_cells // 3, max_cells), rng, CHART_RATIOS)
    background, ink = random_page_colours(rng)
    canvas, (width, height) = Canvas(size, background), size
    style = random_style(rng, *CHART_FONT_SIZES)
    foot, step = height - style.baseline - 8, (width - 12) / len(scene.bars)
    ranks = {tallest_letter(scene.bars): "tallest", shortest_letter(scene.bars): "shortest"}
    common_colour = random_bar_colour(background, rng)
    for index, bar in enumerate(scene.bars):
        left = 6 + step * (index + rng.uniform(0.12, 0.2))
        right, top = left + step * rng.uniform(0.5, 0.65), foot - bar.height * (foot - 8)
        colour, fill = common_colour if rng.chance(0.7) else random_bar_colour(background, rng)
        rank = ranks.get(bar.letter, "other")
        corners = [(left, top), (right, top), (right, foot), (left, foot)]
        canvas.draw_object(corners, fill, ObjectLabel(colour, "rectangle", bar.letter, rank))
        letter_x = (left + right - style.measure_width(bar.letter)) / 2
        canvas.write((letter_x, foot + 2), bar.letter, style, ink)
    canvas.draw_stroke([(4, foot), (width - 4, foot)], ink, 1.5)
    return replace(scene, dark=brightness(background) < 128), canvas.finish(rng)


def draw_page(scene: Scene, rng: Rng, max_cells: int) -> tuple[Scene, Drawing]:
    """Draw a page of text that is too small to read, or an empty page."""
    size = random_picture_size(rng.randint(max_cells // 2, max_cells), rng, PAGE_RATIOS)
    background, ink = random_page_colours(rng)
    canvas = Canvas(size, background)
    if scene.kind == "text":
        left, top, right, bottom = 6.0, 6.0, size[0] - 6.0, size[1] - 6.0
        if rng.chance(0.5):
            top = draw_lower_case_headline(canvas, (left, top, right, bottom), ink, rng)
        draw_small_print(canvas, (left, top, right, bottom), ink, rng)
    return replace(scene, dark=brightness(background) < 128), canvas.finish(rng)


def draw_item(
    canvas: Canvas, item: Item, placement: Placement, fill: RGB, direction: str = ""
) -> tuple[int, int, int, int]:
    """Draw one item and return its box in thousandths of the picture."""
    label = ObjectLabel(item.colour, item.shape, direction=direction)
    edges = canvas.draw_object(outline(item.shape, placement), fill, label)
    left, top, right, bottom = (min(max(round(1000 * edge), 0), 1000) for edge in edges)
    return left, top, right, bottom


def _fitting_style(text: str, max_width: float, max_height: float, rng: Rng) -> TextStyle:
    """Return a style in which `text` fits, or the smallest that can be read."""
    max_size = max(min(MAX_FONT_SIZE, max_height), MIN_FONT_SIZE)
    style = random_style(rng, MIN_FONT_SIZE, max_size)
    while style.size > MIN_FONT_SIZE and style.measure_width(text) > max_width:
        style = TextStyle(style.font, style.size - 1)
    return style


def _widen(size: tuple[int, int], min_width: float, max_cells: int) -> tuple[int, int]:
    """Return `size`, made wide enough and therefore less high within `max_cells` cells."""
    columns = max(math.ceil(min_width / CELL), size[0] // CELL)
    rows = max(min(size[1] // CELL, max_cells // columns), 1)
    return columns * CELL, rows * CELL


def random_bar_colour(background: RGB, rng: Rng) -> tuple[str, RGB]:
    """Return a colour name and a shade of it in contrast with `background`."""
    while True:
        colour = rng.choice(tuple(COLOURS))
        fill = random_shade(colour, rng)
        if contrast(fill, background) > 110:
            return colour, fill
