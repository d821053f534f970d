"""A picture while it is drawn, and beside it the map of what covers what: the tower is taught from the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from PIL import Image, ImageDraw, ImageFilter

from recipe.drawing.fonts import font
from recipe.drawing.glyphs import Glyph, Type, set_line
from recipe.rng import Dice

RGB = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]

UNIT = 28  # pixels that one visual token covers, each way
DOT = 4  # pixels of the picture that one dot of the maps covers, each way


@dataclass(frozen=True, slots=True)
class Mark:
    """What a thing in a picture is.

    Of a bar in a chart also its letter, and whether it is tallest or shortest; of a thing in a clip how it moves.
    """

    colour: str
    shape: str
    letter: str = ""
    rank: str = ""
    moves: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture with its map, a dot for each 4 x 4 pixels: 1 + the number of the thing that covers it, 0 for none.

    `things` are what is there, each with its box: left, top, right, bottom as shares of the picture. `glyphs` are the
    capitals and digits that are large enough to be read.
    """

    image: Image.Image
    map: Image.Image
    things: Sequence[tuple[Mark, Box]] = ()
    glyphs: Sequence[Glyph] = ()


@dataclass
class Canvas:
    """`size` is (width, height) of the finished picture; all coordinates are in its pixels.

    It is drawn `fine` times larger, for smooth edges; text alone is smooth without.
    """

    size: tuple[int, int]
    ground: RGB
    fine: int = 2
    things: list[tuple[Mark, Box]] = field(default_factory=list)
    glyphs: list[Glyph] = field(default_factory=list)

    def __post_init__(self) -> None:
        width, height = self.size
        self.image = Image.new("RGB", (self.fine * width, self.fine * height), self.ground)
        self._pen = ImageDraw.Draw(self.image)
        self._map = Image.new("L", (width // DOT, height // DOT))
        self._marker = ImageDraw.Draw(self._map)

    def polygon(self, points: Sequence[Point], fill: RGB, mark: Mark) -> Box:
        """Draws a thing, and tells its box."""
        self._pen.polygon([(self.fine * x, self.fine * y) for x, y in points], fill=fill)
        (width, height), (across, down) = self.size, zip(*points, strict=True)
        box = min(across) / width, min(down) / height, max(across) / width, max(down) / height
        self.things.append((mark, box))
        self._marker.polygon(
            [(x / DOT - 0.5, y / DOT - 0.5) for x, y in points], fill=len(self.things)
        )
        return box

    def stroke(self, points: Sequence[Point], fill: RGB, width: float) -> None:
        self._pen.line(
            [(self.fine * x, self.fine * y) for x, y in points],
            fill=fill,
            width=max(round(self.fine * width), 1),
        )

    def write(self, at: Point, text: str, kind: Type, ink: RGB, readable: bool = True) -> None:
        """One line with its left top at `at`; of what cannot be read, no glyphs are kept."""
        fine = Type(kind.name, self.fine * kind.size, self.fine * kind.spacing)
        start = self.fine * at[0], self.fine * at[1]
        if not readable:
            self._pen.text(start, text, fill=ink, font=font(fine.name, fine.size))
        else:
            drawn = set_line(self._pen, start, text, fine, ink)
            self.glyphs += [
                replace(glyph, x=glyph.x / self.fine, y=glyph.y / self.fine) for glyph in drawn
            ]

    def paste(self, image: Image.Image, box: tuple[int, int, int, int]) -> None:
        """An image into left, top, right, bottom."""
        left, top, right, bottom = (self.fine * edge for edge in box)
        self.image.paste(image.resize((right - left, bottom - top)), (left, top))

    def finished(self, dice: Dice) -> Drawing:
        """At its size with smooth edges, now and then a little soft."""
        kinds = (Image.Resampling.LANCZOS, Image.Resampling.BICUBIC, Image.Resampling.BOX)
        image = self.image if self.fine == 1 else self.image.resize(self.size, dice.choice(kinds))
        if dice.random() < 0.1:
            image = image.filter(ImageFilter.GaussianBlur(dice.uniform(0.3, 0.7)))
        return Drawing(image, self._map, tuple(self.things), tuple(self.glyphs))
