"""Pictures full of capitals and digits, for the tower alone: every cell of them teaches."""

from __future__ import annotations

from recipe.drawing.canvas import UNIT, Canvas, Drawing
from recipe.drawing.color import inks
from recipe.drawing.glyphs import CHARACTERS, Type, any_type, letters
from recipe.rng import Dice

PATCH = UNIT // 2
LEAST_SIZE, MOST_SIZE = 16, 42


def sheet_size(dice: Dice, cells: int) -> tuple[int, int]:
    columns = dice.randint(4, 12)
    return columns * UNIT, max(cells // columns, 2) * UNIT


def grid_sheet(dice: Dice, cells: int, jitter: float) -> Drawing:
    """A character in nearly every patch, up to `jitter` pixels off its middle: the first thing to learn from."""
    width, height = sheet_size(dice, cells)
    ground, ink = inks(dice)
    canvas = Canvas((width, height), ground, fine=dice.choice((1, 1, 2)))
    spread = 1 + 0.35 * jitter / PATCH
    kind = any_type(dice, 17 / spread, 17 * spread)
    for row in range(height // PATCH):
        for column in range(width // PATCH):
            if dice.random() < 0.15:
                kind = Type(kind.name, any_type(dice, 17 / spread, 17 * spread).size)
            character = dice.choice(CHARACTERS)
            x, y = (
                (place + 0.5) * PATCH + dice.uniform(-jitter, jitter) for place in (column, row)
            )
            canvas.write((x - kind.width(character) / 2, y - kind.middle), character, kind, ink)
    return canvas.finished(dice)


def print_sheet(dice: Dice, cells: int) -> Drawing:
    """Lines of words, each of a font and a size of its own."""
    width, height = sheet_size(dice, cells)
    ground, ink = inks(dice)
    canvas = Canvas((width, height), ground, fine=dice.choice((1, 1, 2)))
    y = dice.uniform(-4, 10)
    while y < height - LEAST_SIZE:
        kind = any_type(dice, LEAST_SIZE, MOST_SIZE if dice.random() < 0.6 else 24)
        x = dice.uniform(-10, 20)
        while x < width - kind.size / 2:
            text = letters(dice)
            canvas.write((x, y), text, kind, ink)
            x += kind.width(text) + kind.size * dice.uniform(0.3, 1.0)
        y += kind.height * dice.uniform(1.02, 1.4)
    return canvas.finished(dice)
