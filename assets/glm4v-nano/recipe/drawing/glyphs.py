"""Lines of capitals and digits, with the centre of every character.

Knows fonts and Pillow's drawing surface, no scenes and no tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageDraw

from recipe.drawing.fonts import HELD_OUT, load_font, training_fonts
from recipe.rng import Rng

CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
MAX_WORD_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character and its centre, in pixels of the picture.

    `position` counts from 1 in its word, and is 0 for a character that stands alone.
    """

    character: str
    x: float
    y: float
    position: int


@dataclass(frozen=True, slots=True)
class TextStyle:
    """Font name, font size in pixels and letter spacing in pixels of a line of text."""

    font: str
    size: int
    spacing: float = 0.0

    def measure_width(self, text: str) -> float:
        if not self.spacing:
            return text_width(self.font, self.size, text)
        # Spaced characters are drawn one by one, hence without kerning.
        widths = (text_width(self.font, self.size, character) for character in text)
        return sum(width + self.spacing for width in widths) - self.spacing

    @property
    def capital_middle(self) -> float:
        """Distance in pixels from the top of the line box to the middle of its capitals."""
        return sum(capital_extent(self.font, self.size)) / 2

    @property
    def baseline(self) -> float:
        """Distance in pixels from the top of the line box to the foot of its capitals."""
        return capital_extent(self.font, self.size)[1]


@lru_cache(maxsize=1 << 16)
def text_width(font: str, size: int, text: str) -> float:
    return float(load_font(font, size).getlength(text))


@lru_cache(maxsize=1 << 12)
def capital_extent(font: str, size: int) -> tuple[float, float]:
    """Return where capitals begin and end, in pixels below the top of the line box."""
    box = load_font(font, size).getbbox("H")
    return box[1], box[3]


def random_word(rng: Rng, min_length: int = 3, max_length: int = MAX_WORD_LENGTH) -> str:
    """Return a word that cannot be guessed from a part of it: letters, digits, or both."""
    alphabet = rng.choice((CHARACTERS, CHARACTERS, CHARACTERS[:26], CHARACTERS[26:]))
    return "".join(rng.choices(alphabet, k=rng.randint(min_length, max_length)))


def random_style(rng: Rng, min_size: float, max_size: float) -> TextStyle:
    """Return a font at a size that is distributed evenly on a logarithmic scale.

    An evaluation uses the held-out font for half of its texts.
    """
    names = HELD_OUT if rng.held_out and rng.chance(0.5) else training_fonts()
    size = round(min_size * (max_size / min_size) ** rng.random())
    spacing = rng.uniform(0, 0.12) * size if rng.random() < 0.3 else 0.0
    return TextStyle(rng.choice(names), size, spacing)


def draw_line(
    pen: ImageDraw.ImageDraw,
    origin: tuple[float, float],
    text: str,
    style: TextStyle,
    ink: tuple[int, int, int],
) -> list[Glyph]:
    """Draw `text` with its left top at `origin` and return its characters except spaces."""
    font, glyphs = load_font(style.font, style.size), []
    x, y = origin
    if not style.spacing:
        pen.text(origin, text, fill=ink, font=font)
    for index, character in enumerate(text):
        if style.spacing:
            pen.text((x, y), character, fill=ink, font=font)
            advance = text_width(style.font, style.size, character) + style.spacing
        else:
            # The difference of two prefixes contains the kerning.
            prefix_width = text_width(style.font, style.size, text[: index + 1])
            advance = prefix_width - (x - origin[0])
        if character != " ":
            position = index + 1 if len(text) > 1 else 0
            glyphs.append(Glyph(character, x + advance / 2, y + style.capital_middle, position))
        x += advance
    return glyphs
