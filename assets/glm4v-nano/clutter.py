"""What is no simple shape: lines of text, clouds of colour, strokes."""

from __future__ import annotations

from random import Random

from paint import paint
from phrases import COLOURS
from PIL import Image, ImageDraw, ImageFont

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def text_lines(pen: ImageDraw.ImageDraw, room: tuple[float, float, float, float], side: float, random: Random) -> None:
    """Lines of words: letters where there is room for them, else the dark dashes that small print shrinks to."""
    left, top, right, bottom = (edge * side for edge in room)
    height = side * random.uniform(0.03, 0.09)
    ink = (random.randint(0, 90),) * 3
    font = ImageFont.load_default(max(8, round(height))) if random.random() < 0.6 else None
    y = top
    while y + height < bottom:
        x, end = left, right - (random.random() < 0.3) * random.uniform(0, 0.5) * (right - left)
        while x < end:
            word = "".join(random.choices(LETTERS, k=random.randint(2, 9)))
            width = len(word) * height * 0.5
            if x + width > right:
                break
            if font:
                pen.text((x, y), word, fill=ink, font=font)
            else:
                pen.rectangle((x, y + height * 0.3, x + width, y + height * 0.8), fill=tuple(c + 60 for c in ink))
            x += width + height * 0.4
        y += height * random.uniform(1.2, 1.8)


def strange(fitted: tuple[int, int], random: Random) -> Image.Image:
    """Something that is no simple shape: clouds of colour, or strokes."""
    cells = random.randint(3, 12)
    colours = bytes(random.randrange(256) for _ in range(cells * cells * 3))
    image = Image.frombytes("RGB", (cells, cells), colours).resize(fitted, Image.Resampling.BICUBIC)
    if random.random() < 0.5:
        pen = ImageDraw.Draw(image)
        for _ in range(random.randint(8, 40)):
            ends = [(random.randrange(fitted[0]), random.randrange(fitted[1])) for _ in range(random.randint(2, 4))]
            pen.line(ends, fill=paint(random.choice(tuple(COLOURS)), random), width=random.randint(1, 8))
    return image
