"""Content that the model has no name for: small print, lower-case headlines, abstract images."""

from __future__ import annotations

from PIL import Image, ImageDraw

from recipe.drawing.canvas import RGB, Canvas
from recipe.drawing.colours import random_shade
from recipe.drawing.glyphs import TextStyle, random_style
from recipe.drawing.layout import Region
from recipe.rng import Rng
from recipe.vocabulary import COLOURS

LOWER_CASE = "abcdefghijklmnopqrstuvwxyz"


def draw_small_print(canvas: Canvas, region: Region, ink: RGB, rng: Rng) -> None:
    """Fill `region` with lines of words that are too small to read."""
    left, top, right, bottom = region
    style = random_style(rng, 5, 10)
    style = TextStyle(style.font, style.size)
    y, pitch = top, style.size * rng.uniform(1.15, 1.6)
    while y + style.size < bottom:
        end = right - (rng.uniform(0, 0.6) * (right - left) if rng.chance(0.25) else 0)
        words: list[str] = []
        while True:
            word = _lower_case_word(rng)
            words.append(word.capitalize() if not words and rng.chance(0.3) else word)
            if left + style.measure_width(" ".join(words)) > end:
                break
        canvas.write((left, y), " ".join(words[:-1]), style, ink, readable=False)
        y += pitch * (1.8 if rng.chance(0.1) else 1)


def draw_lower_case_headline(canvas: Canvas, region: Region, ink: RGB, rng: Rng) -> float:
    """Draw a headline as most pages have one, and return the y at which it ends."""
    left, top, right, _ = region
    words = [_lower_case_word(rng) for _ in range(rng.randint(1, 6))]
    for index, word in enumerate(words):
        if index == 0 or rng.chance(0.4):
            words[index] = word.capitalize()
    text = " ".join(words)
    style = random_style(rng, 11, 32)
    while style.size > 10 and style.measure_width(text) > right - left:
        style = TextStyle(style.font, style.size - 1)
    canvas.write((left, top), text, style, ink, readable=False)
    return top + style.baseline * 1.5


def _lower_case_word(rng: Rng) -> str:
    return "".join(rng.choices(LOWER_CASE, k=rng.randint(2, 9)))


def random_abstract_image(size: tuple[int, int], rng: Rng) -> Image.Image:
    """Return clouds of colour, as of a photo out of focus, or strokes over them."""
    side = rng.randint(3, 12)
    image = _resized_noise((side, side), size, rng)
    if rng.chance(0.3):
        image = _resized_noise((1, 2), size, rng)
    if rng.chance(0.4):
        pen = ImageDraw.Draw(image)
        for _ in range(rng.randint(8, 40)):
            points = []
            for _ in range(rng.randint(2, 4)):
                points.append((rng.randrange(size[0]), rng.randrange(size[1])))
            fill = random_shade(rng.choice(tuple(COLOURS)), rng)
            pen.line(points, fill=fill, width=rng.randint(1, 8))
    return image


def _resized_noise(source: tuple[int, int], size: tuple[int, int], rng: Rng) -> Image.Image:
    """Return `source` random pixels, enlarged smoothly to `size`."""
    pixels = bytes(rng.randrange(256) for _ in range(source[0] * source[1] * 3))
    return Image.frombytes("RGB", source, pixels).resize(size, Image.Resampling.BICUBIC)
