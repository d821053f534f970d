"""Pictures full of capitals and digits, in which every cell teaches the vision encoder to read."""

from __future__ import annotations

from recipe.drawing.canvas import CELL, Canvas, Drawing
from recipe.drawing.colours import random_page_colours
from recipe.drawing.glyphs import CHARACTERS, TextStyle, random_style, random_word
from recipe.rng import Rng

PATCH = CELL // 2
GRID_FONT_SIZE = 17
MIN_FONT_SIZE, MAX_FONT_SIZE = 16, 42


def random_sheet_size(rng: Rng, cells: int) -> tuple[int, int]:
    """Return (width, height) in pixels of a sheet of about `cells` cells."""
    columns = rng.randint(4, 12)
    return columns * CELL, max(cells // columns, 2) * CELL


def draw_grid_sheet(rng: Rng, cells: int, max_jitter: float) -> Drawing:
    """Draw one character in each patch, at most `max_jitter` pixels off its middle.

    These sheets are what the encoder learns from first: without jitter, a character is always at
    the same place of its patch.
    """
    width, height = random_sheet_size(rng, cells)
    background, ink = random_page_colours(rng)
    canvas = Canvas((width, height), background, scale=rng.choice((1, 1, 2)))
    spread = 1 + 0.35 * max_jitter / PATCH
    sizes = GRID_FONT_SIZE / spread, GRID_FONT_SIZE * spread
    style = random_style(rng, *sizes)
    for row in range(height // PATCH):
        for column in range(width // PATCH):
            if rng.random() < 0.15:
                style = TextStyle(style.font, random_style(rng, *sizes).size)
            character = rng.choice(CHARACTERS)
            x = (column + 0.5) * PATCH + rng.uniform(-max_jitter, max_jitter)
            y = (row + 0.5) * PATCH + rng.uniform(-max_jitter, max_jitter)
            origin = x - style.measure_width(character) / 2, y - style.capital_middle
            canvas.write(origin, character, style, ink)
    return canvas.finish(rng)


def draw_text_sheet(rng: Rng, cells: int) -> Drawing:
    """Draw lines of random words, each in its own font and size."""
    width, height = random_sheet_size(rng, cells)
    background, ink = random_page_colours(rng)
    canvas = Canvas((width, height), background, scale=rng.choice((1, 1, 2)))
    y = rng.uniform(-4, 10)
    while y < height - MIN_FONT_SIZE:
        style = random_style(rng, MIN_FONT_SIZE, MAX_FONT_SIZE if rng.random() < 0.6 else 24)
        x = rng.uniform(-10, 20)
        while x < width - style.size / 2:
            text = random_word(rng)
            canvas.write((x, y), text, style, ink)
            x += style.measure_width(text) + style.size * rng.uniform(0.3, 1.0)
        y += style.baseline * rng.uniform(1.02, 1.4)
    return canvas.finish(rng)
