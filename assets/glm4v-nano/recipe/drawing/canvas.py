"""A picture while it is drawn, and a map of the object that covers each of its points.

The vision encoder is pretrained with labels that are made from the map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from PIL import Image, ImageDraw, ImageFilter

from recipe.drawing.fonts import load_font
from recipe.drawing.glyphs import Glyph, TextStyle, draw_line
from recipe.rng import Rng

RGB = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]

CELL = 28  # pixels, each way, that become one visual token
DOT = 4  # pixels, each way, that one dot of the map covers


@dataclass(frozen=True, slots=True)
class ObjectLabel:
    """The class of an object in a picture.

    A bar of a chart also has its letter and whether it is the tallest or the shortest; an object
    in a video has the direction in which it moves.
    """

    colour: str
    shape: str
    letter: str = ""
    rank: str = ""
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture and its map, which has one dot for each 4 x 4 pixels.

    A dot is 1 + the index of the object that covers it, or 0. `objects` have their boxes: left,
    top, right, bottom as fractions of the picture. `glyphs` are the capitals and digits that are
    large enough to read.
    """

    image: Image.Image
    object_map: Image.Image
    objects: Sequence[tuple[ObjectLabel, Box]] = ()
    glyphs: Sequence[Glyph] = ()


@dataclass
class Canvas:
    """A drawing surface that is `scale` times larger than the finished picture.

    `size` is (width, height) of the finished picture, and all coordinates are in its pixels.
    Scaling down smooths the edges; a picture of text alone is smooth at scale 1.
    """

    size: tuple[int, int]
    background: RGB
    scale: int = 2
    objects: list[tuple[ObjectLabel, Box]] = field(default_factory=list)
    glyphs: list[Glyph] = field(default_factory=list)

    def __post_init__(self) -> None:
        width, height = self.size
        self.image = Image.new("RGB", (self.scale * width, self.scale * height), self.background)
        self._pen = ImageDraw.Draw(self.image)
        self._map = Image.new("L", (width // DOT, height // DOT))
        self._map_pen = ImageDraw.Draw(self._map)

    def draw_object(self, points: Sequence[Point], fill: RGB, label: ObjectLabel) -> Box:
        """Draw a polygon, add it to the map and return its box."""
        self._pen.polygon([(self.scale * x, self.scale * y) for x, y in points], fill=fill)
        (width, height), (xs, ys) = self.size, zip(*points, strict=True)
        box = min(xs) / width, min(ys) / height, max(xs) / width, max(ys) / height
        self.objects.append((label, box))
        dots = [(x / DOT - 0.5, y / DOT - 0.5) for x, y in points]
        self._map_pen.polygon(dots, fill=len(self.objects))
        return box

    def draw_stroke(self, points: Sequence[Point], fill: RGB, width: float) -> None:
        scaled = [(self.scale * x, self.scale * y) for x, y in points]
        self._pen.line(scaled, fill=fill, width=max(round(self.scale * width), 1))

    def write(
        self, origin: Point, text: str, style: TextStyle, ink: RGB, readable: bool = True
    ) -> None:
        """Draw one line with its left top at `origin`; keep its glyphs if it is `readable`."""
        scale = self.scale
        scaled = TextStyle(style.font, scale * style.size, scale * style.spacing)
        start = scale * origin[0], scale * origin[1]
        if not readable:
            self._pen.text(start, text, fill=ink, font=load_font(scaled.font, scaled.size))
            return
        for glyph in draw_line(self._pen, start, text, scaled, ink):
            self.glyphs.append(replace(glyph, x=glyph.x / scale, y=glyph.y / scale))

    def finish(self, rng: Rng) -> Drawing:
        """Return the drawing at its final size; one in ten is blurred a little."""
        filters = (Image.Resampling.LANCZOS, Image.Resampling.BICUBIC, Image.Resampling.BOX)
        image = self.image
        if self.scale != 1:
            image = image.resize(self.size, rng.choice(filters))
        if rng.random() < 0.1:
            image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.7)))
        return Drawing(image, self._map, tuple(self.objects), tuple(self.glyphs))
