"""Lines of capitals and digits, with the place of every character. Knows fonts and pens, no words and no tokens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageDraw

from recipe.drawing.fonts import UNSEEN, font, training_fonts
from recipe.rng import Dice

CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
MOST_LETTERS = 12  # of a word


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character and its centre, in pixels of the picture it was drawn in.

    `number` from 1 is its turn in its word, 0 if it stands alone.
    """

    character: str
    x: float
    y: float
    number: int


@dataclass(frozen=True, slots=True)
class Type:
    """How a line is set: font name, size in pixels, letter spacing in pixels."""

    name: str
    size: int
    spacing: float = 0.0

    def width(self, text: str) -> float:
        if not self.spacing:
            return length(self.name, self.size, text)
        # Spaced characters are set one by one, and do not move together as "AV" does.
        return (
            sum(length(self.name, self.size, each) + self.spacing for each in text) - self.spacing
        )

    @property
    def middle(self) -> float:
        """From the top of the line box to the middle of the capitals."""
        return sum(capitals(self.name, self.size)) / 2

    @property
    def height(self) -> float:
        """From the top of the line box to the foot of the capitals."""
        return capitals(self.name, self.size)[1]


@lru_cache(maxsize=1 << 16)
def length(name: str, size: int, text: str) -> float:
    return float(font(name, size).getlength(text))


@lru_cache(maxsize=1 << 12)
def capitals(name: str, size: int) -> tuple[float, float]:
    """Where capitals begin and end, from the top of the line box."""
    box = font(name, size).getbbox("H")
    return box[1], box[3]


def letters(dice: Dice, least: int = 3, most: int = MOST_LETTERS) -> str:
    """A word that nobody can guess: letters, digits, or both."""
    pool = dice.choice((CHARACTERS, CHARACTERS, CHARACTERS[:26], CHARACTERS[26:]))
    return "".join(dice.choices(pool, k=dice.randint(least, most)))


def any_type(dice: Dice, least: float, most: float) -> Type:
    """A font at a size of `least` to `most` pixels, small ones as often as large ones.

    Fresh dice give the font that training never uses half of the time.
    """
    names = UNSEEN if dice.fresh and dice.chance(0.5) else training_fonts()
    size = round(least * (most / least) ** dice.random())
    spacing = dice.uniform(0, 0.12) * size if dice.random() < 0.3 else 0.0
    return Type(dice.choice(names), size, spacing)


def set_line(
    pen: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    kind: Type,
    ink: tuple[int, int, int],
) -> list[Glyph]:
    """Draws `text` with its left top at `at`; gives its characters but the spaces."""
    face, glyphs = font(kind.name, kind.size), []
    x, y = at
    if not kind.spacing:
        pen.text(at, text, fill=ink, font=face)
    for number, character in enumerate(text):
        if kind.spacing:
            pen.text((x, y), character, fill=ink, font=face)
            step = length(kind.name, kind.size, character) + kind.spacing
        else:
            step = length(kind.name, kind.size, text[: number + 1]) - (x - at[0])
        if character != " ":
            glyphs.append(
                Glyph(character, x + step / 2, y + kind.middle, number + 1 if len(text) > 1 else 0)
            )
        x += step
    return glyphs
