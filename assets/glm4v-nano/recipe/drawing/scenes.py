"""The content of pictures, decided before they are drawn. Knows no pixels and no sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from recipe.drawing.glyphs import CHARACTERS, random_word
from recipe.rng import Rng
from recipe.vocabulary import COLOURS, DIRECTIONS, SHAPES

Kind = Literal["shapes", "scattered", "headline", "chart", "text", "blank", "other"]
MAX_SHAPES = 6
# Without loose scenes in training, the model answers with the usual box of a place.
LOOSE_FRACTION = 0.6
MIN_STEPS_APART = 2  # of twelve, between the tallest or shortest bar and the next
# In the order in which sentences name them: from left to right, from top to bottom.
PLACE_CENTRES = {
    "left": (0.2, 0.5),
    "top": (0.5, 0.2),
    "middle": (0.5, 0.5),
    "bottom": (0.5, 0.8),
    "right": (0.8, 0.5),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a picture.

    `box` is left, top, right, bottom in thousandths of the picture, set once it is drawn.
    """

    colour: str
    shape: str
    place: str = ""
    box: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart; `height` is a fraction of the tallest that fits."""

    letter: str
    height: float


@dataclass(frozen=True, slots=True)
class Scene:
    """The content of one picture, by kind.

    shapes: `items`, all alike.
    scattered: `items` of different colours and shapes; in a `loose` scene they are of any size
        and further from the centres of their places.
    headline: a page, slide or sign with `headline`, with small print below it if `lines`, and in
        some scenes one item.
    chart: `bars`.
    text: a page that is too small to read.
    blank: an empty page.
    other: something that the model has no name for.
    """

    kind: Kind
    items: tuple[Item, ...] = ()
    headline: str = ""
    bars: tuple[Bar, ...] = ()
    lines: bool = False
    dark: bool = False
    loose: bool = False


def random_item(rng: Rng) -> Item:
    return Item(rng.choice(tuple(COLOURS)), rng.choice(tuple(SHAPES)))


def shapes_scene(rng: Rng, max_count: int = MAX_SHAPES) -> Scene:
    count = rng.choice((1, 1, *range(1, max_count + 1)))
    return Scene("shapes", (random_item(rng),) * count)


def scattered_scene(rng: Rng, loose_fraction: float = 0.0) -> Scene:
    """Return a scene of one to four items that share no colour, no shape and no place."""
    chosen = rng.sample(tuple(PLACE_CENTRES), rng.randint(1, 4))
    places = [place for place in PLACE_CENTRES if place in chosen]
    colours = rng.sample(tuple(COLOURS), len(places))
    shapes = rng.sample(tuple(SHAPES), len(places))
    items = tuple(map(Item, colours, shapes, places))
    return Scene("scattered", items, loose=rng.chance(loose_fraction))


def training_scattered_scene(rng: Rng) -> Scene:
    return scattered_scene(rng, LOOSE_FRACTION)


def headline_scene(rng: Rng, item_fraction: float = 0.25) -> Scene:
    """Return a headline, in `item_fraction` of the scenes with an item beside it."""
    items = (random_item(rng),) if rng.chance(item_fraction) else ()
    return Scene("headline", items, random_word(rng), lines=rng.chance(0.6))


def chart_scene(rng: Rng) -> Scene:
    """Return 3 to 6 bars, of which the tallest and the shortest differ visibly from the rest."""
    count = rng.randint(3, 6)
    while True:
        steps = rng.sample(range(12), count)
        low, *_, high = ordered = sorted(steps)
        if min(ordered[1] - low, high - ordered[-2]) >= MIN_STEPS_APART:
            break
    heights = [0.12 + 0.88 * step / 11 for step in steps]
    letters = CHARACTERS[:count] if rng.chance(0.5) else rng.sample(CHARACTERS[:26], count)
    return Scene("chart", bars=tuple(map(Bar, letters, heights)))


def headline_page(rng: Rng) -> Scene:
    """Return a headline scene for one of several pages, half of which have an item.

    Items come more often than in single pictures, because the model has to learn which headline
    and which item belong to one page.
    """
    return headline_scene(rng, 0.5)


def page_scene(rng: Rng) -> Scene:
    """Return one of several pages."""
    value = rng.random()
    if value < 0.55:
        return headline_page(rng)
    if value < 0.93:
        return shapes_scene(rng, 4)
    return Scene(rng.choice(("text", "blank")))


def random_scene(rng: Rng) -> Scene:
    """Return a scene of any kind, for questions that fit every picture."""
    makers = (shapes_scene, shapes_scene, scattered_scene, headline_scene, chart_scene)
    if rng.chance(0.2):
        return Scene(rng.choice(("text", "text", "blank", "other")))
    return rng.choice(makers)(rng)


def random_direction(rng: Rng) -> str:
    """Return one of DIRECTIONS, "still" least often."""
    return rng.choice(("right", "left", "up", "down", rng.choice(tuple(DIRECTIONS))))


def tallest_letter(bars: tuple[Bar, ...]) -> str:
    return max(bars, key=lambda bar: bar.height).letter


def shortest_letter(bars: tuple[Bar, ...]) -> str:
    return min(bars, key=lambda bar: bar.height).letter
