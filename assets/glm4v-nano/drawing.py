"""Pictures, pages and clips of simple shapes, drawn with Pillow from a seeded random. Knows no words and no tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from answers import Sight
from clutter import strange, text_lines
from paint import background, contrast, paint
from phrases import COLOURS, SHAPES
from PIL import Image, ImageDraw, ImageFilter

Point = tuple[float, float]

UNIT = 28
PICTURE_PIXELS = 224 * 224
FRAME_PIXELS = 140 * 140
LEAST_CELLS = 8  # the processor enlarges smaller pictures
LEAST_RADIUS = 16  # pixels, below which a star and a circle look alike
CORNERS = {"triangle": 3, "square": 4, "circle": 72}
ASPECTS = (1.0, 1.0, 1.0, 4 / 3, 3 / 4, 16 / 9, 9 / 16, 0.707, 1.414, 2.0, 0.5)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture, what it shows, and a mask at a quarter of its size: 255 where a shape is."""

    image: Image.Image
    sight: Sight
    mask: Image.Image


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one shape stands: centre and radius as shares of the shorter side, turn in degrees, and its aspect."""

    x: float
    y: float
    radius: float
    turn: float = 0.0
    aspect: float = 1.0


def outline(shape: str, spot: Spot, side: float) -> list[Point]:
    """The corners of a shape in pixels."""
    if shape == "rectangle":
        wide, high = (1.0, 1 / spot.aspect) if spot.aspect > 1 else (spot.aspect, 1.0)
        points = [(-wide, -high), (wide, -high), (wide, high), (-wide, high)]
    elif shape == "star":
        tips = [(1.0 if tip % 2 == 0 else 0.42, math.radians(36 * tip - 90)) for tip in range(10)]
        points = [(reach * math.cos(angle), reach * math.sin(angle)) for reach, angle in tips]
    else:
        corners = CORNERS[shape]
        start = -135 if shape == "square" else -90
        angles = [math.radians(start + 360 * corner / corners) for corner in range(corners)]
        points = [(math.cos(angle) * min(spot.aspect, 1.2), math.sin(angle)) for angle in angles]
    turn = math.radians(spot.turn)
    cos, sin, radius = math.cos(turn), math.sin(turn), spot.radius * side
    return [
        (spot.x * side + radius * (x * cos - y * sin), spot.y * side + radius * (x * sin + y * cos)) for x, y in points
    ]


def spots(count: int, shape: str, room: tuple[float, float, float, float], least: float, random: Random) -> list[Spot]:
    """Places that do not touch, inside `room` (left, top, right, bottom in shares of the shorter side).

    Radii are `least` or more where there is room for that.
    """
    left, top, right, bottom = room
    most = min(right - left, bottom - top) / 2 * (0.95 if count == 1 else 0.6 if count == 2 else 0.5)
    found: list[Spot] = []
    tries = 0
    while len(found) < count:
        tries += 1
        if tries > 200:
            found, most, tries = [], most * 0.8, 0
        radius = random.uniform(min(least, most), most)
        x, y = random.uniform(left + radius, right - radius), random.uniform(top + radius, bottom - radius)
        if all(math.hypot(x - other.x, y - other.y) > 1.08 * (radius + other.radius) for other in found):
            found.append(Spot(x, y, radius, turn(shape, random), aspect(shape, random)))
    return found


def turn(shape: str, random: Random) -> float:
    """Mostly upright, sometimes turned."""
    if random.random() < 0.6:
        return 180.0 if shape == "triangle" and random.random() < 0.15 else 0.0
    return random.uniform(-180, 180) if random.random() < 0.3 else random.uniform(-15, 15)


def aspect(shape: str, random: Random) -> float:
    if shape == "rectangle":
        longer = random.uniform(1.75, 3.0)
        return random.choice((longer, 1 / longer))
    return random.uniform(0.85, 1.18) if shape == "triangle" else 1.0


def size(pixels: int, random: Random, crowded: bool = False) -> tuple[int, int]:
    """(width, height), multiples of UNIT, of about `pixels` or, now and then, fewer."""
    ratio = random.choice(ASPECTS) * random.uniform(0.95, 1.05)
    area = pixels * (random.uniform(0.8, 1) if random.random() < 0.7 else random.uniform(0.2, 0.8))
    area = max(area, 0.45 * pixels if crowded else 1.5 * LEAST_CELLS * UNIT**2)
    width, height = (math.floor(math.sqrt(area * share) / UNIT) for share in (ratio, 1 / ratio))
    while width * height < LEAST_CELLS:
        width, height = width + (ratio > 1), height + (ratio <= 1)
    return width * UNIT, height * UNIT


def sight(random: Random, page: bool = False) -> Sight:
    """What a picture is to show; a page is sometimes text alone or empty."""
    chance = random.random()
    if chance < (0.1 if page else 0.04):
        return Sight("text")
    if chance < (0.12 if page else 0.06):
        return Sight("blank")
    if chance < (0.14 if page else 0.1):
        return Sight("other")
    colour, shape = random.choice(tuple(COLOURS)), random.choice(tuple(SHAPES))
    count = random.choice((1, 1, 1, 1, 2, 3, 4) if page else (1, 1, 1, 2, 3, 4))
    return Sight("shapes", colour, shape, count)


def picture(wanted: Sight, random: Random, page: bool = False) -> Drawing:
    """Draws what is wanted; the sight that comes back knows its background. A page has a heading or text around."""
    width, height = size(PICTURE_PIXELS, random, crowded=page or wanted.count > 2)
    if wanted.kind == "other":
        return Drawing(strange((width, height), random), wanted, Image.new("L", (width // 4, height // 4)))
    fill = paint(wanted.colour, random) if wanted.kind == "shapes" else (0, 0, 0)
    ground, tone = ((255, 255, 255), "light") if page and contrast(fill, (255,) * 3) > 60 else background(fill, random)
    side = 2 * min(width, height)
    across, down = 2 * width / side, 2 * height / side
    image = Image.new("RGB", (2 * width, 2 * height), ground)
    cover = Image.new("L", image.size)
    pen, marker = ImageDraw.Draw(image), ImageDraw.Draw(cover)
    top = 0.02
    if wanted.kind == "text" or (page and random.random() < 0.6):
        top = down - 0.03 if wanted.kind == "text" else random.uniform(0.12, min(0.5, down * 0.5))
        if tone == "light":
            text_lines(pen, (0.05, 0.05, across - 0.05, top), side, random)
    if wanted.kind == "shapes":
        room = (0.02, top, across - 0.02, down - 0.02)
        places = spots(wanted.count, wanted.shape, room, max(0.1, 2 * LEAST_RADIUS / side), random)
        edge = tuple(part // 2 for part in fill) if random.random() < 0.12 else None
        for spot in places:
            pen.polygon(outline(wanted.shape, spot, side), fill=fill, outline=edge, width=round(side * 0.012))
            marker.polygon(outline(wanted.shape, spot, side), fill=255)
    shown = Sight(wanted.kind, wanted.colour, wanted.shape, wanted.count, tone)
    mask = cover.resize((width // 4, height // 4), Image.Resampling.BOX)
    return Drawing(finish(image, (width, height), random), shown, mask)


def finish(image: Image.Image, fitted: tuple[int, int], random: Random) -> Image.Image:
    """To its size with smooth edges, sometimes a little soft."""
    kinds = (Image.Resampling.LANCZOS, Image.Resampling.BICUBIC, Image.Resampling.BOX)
    image = image.resize(fitted, random.choice(kinds))
    return image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.0))) if random.random() < 0.15 else image


def clip(colour: str, shape: str, direction: str, count: int, random: Random) -> Sequence[Image.Image]:
    """Frames of one shape that moves across, a little unsteadily."""
    width, height = size(FRAME_PIXELS, random)
    fill = paint(colour, random)
    ground, _ = background(fill, random)
    side = 2 * min(width, height)
    across, down = 2 * width / side, 2 * height / side
    radius = random.uniform(0.13, 0.26)
    near, far = radius + 0.03, {"left": across, "right": across}.get(direction, down) - radius - 0.03
    start, end = near + random.uniform(0, 0.1), far - random.uniform(0, 0.1)
    drift, swing, wave = random.uniform(0.3, 0.7), random.uniform(0, 0.13), random.uniform(2, 7)
    still = (random.uniform(near, across - near), random.uniform(near, down - near))
    turned, stretched = turn(shape, random), aspect(shape, random)
    frames = []
    for index in range(count):
        share = index / max(count - 1, 1)
        along = start + (end - start) * (share if direction in ("right", "down") else 1 - share)
        sway = swing * math.sin(wave * share)
        if direction in ("left", "right"):
            x, y = along, drift * down + sway
        else:
            x, y = drift * across + sway, along
        if direction == "still":
            x, y = still
        image = Image.new("RGB", (2 * width, 2 * height), ground)
        spot = Spot(x, min(max(y, radius), down - radius), radius, turned, stretched)
        ImageDraw.Draw(image).polygon(outline(shape, spot, side), fill=fill)
        frames.append(image.resize((width, height), Image.Resampling.BICUBIC))
    return frames
