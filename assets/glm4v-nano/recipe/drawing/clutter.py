"""What is no simple shape and no headline: small print, clouds of colour, strokes."""

from __future__ import annotations

from PIL import Image, ImageDraw

from recipe.dialogue.vocabulary import COLOURS
from recipe.drawing.canvas import RGB, Canvas
from recipe.drawing.color import paint
from recipe.drawing.geometry import Room
from recipe.drawing.glyphs import Type, any_type
from recipe.rng import Dice

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def small_print(canvas: Canvas, room: Room, ink: RGB, dice: Dice) -> None:
    """Lines of words that are too small to read."""
    left, top, right, bottom = room
    kind = any_type(dice, 5, 10)
    kind = Type(kind.name, kind.size)
    y, pitch = top, kind.size * dice.uniform(1.15, 1.6)
    while y + kind.size < bottom:
        line, end = [], right - (dice.uniform(0, 0.6) * (right - left) if dice.chance(0.25) else 0)
        while True:
            word = "".join(dice.choices(LETTERS, k=dice.randint(2, 9)))
            line.append(word.capitalize() if not line and dice.chance(0.3) else word)
            if left + kind.width(" ".join(line)) > end:
                break
        canvas.write((left, y), " ".join(line[:-1]), kind, ink, readable=False)
        y += pitch * (1.8 if dice.chance(0.1) else 1)


def plain_headline(canvas: Canvas, room: Room, ink: RGB, dice: Dice) -> float:
    """A headline of words in small letters, as most pages have; where it ends."""
    left, top, right, _ = room
    words = [
        "".join(dice.choices(LETTERS, k=dice.randint(2, 9))) for _ in range(dice.randint(1, 6))
    ]
    text = " ".join(
        word.capitalize() if number == 0 or dice.chance(0.4) else word
        for number, word in enumerate(words)
    )
    kind = any_type(dice, 11, 32)
    while kind.size > 10 and kind.width(text) > right - left:
        kind = Type(kind.name, kind.size - 1)
    canvas.write((left, top), text, kind, ink, readable=False)
    return top + kind.height * 1.5


def strange(size: tuple[int, int], dice: Dice) -> Image.Image:
    """Clouds of colour, as of a photo out of focus, or strokes."""
    cells = dice.randint(3, 12)
    colours = bytes(dice.randrange(256) for _ in range(cells * cells * 3))
    image = Image.frombytes("RGB", (cells, cells), colours).resize(size, Image.Resampling.BICUBIC)
    if dice.chance(0.3):
        two = [bytes(dice.randrange(256) for _ in range(3)) for _ in range(2)]
        image = Image.frombytes("RGB", (1, 2), b"".join(two)).resize(size, Image.Resampling.BICUBIC)
    if dice.chance(0.4):
        pen = ImageDraw.Draw(image)
        for _ in range(dice.randint(8, 40)):
            ends = [
                (dice.randrange(size[0]), dice.randrange(size[1]))
                for _ in range(dice.randint(2, 4))
            ]
            pen.line(ends, fill=paint(dice.choice(tuple(COLOURS)), dice), width=dice.randint(1, 8))
    return image
