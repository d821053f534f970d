"""What pictures show, decided before they are drawn. Knows no pixels and no words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from recipe.dialogue.vocabulary import COLOURS, DIRECTIONS, SHAPES
from recipe.drawing.glyphs import CHARACTERS, letters
from recipe.rng import Dice

Kind = Literal["shapes", "scattered", "headline", "chart", "text", "blank", "other"]
MOST_SHAPES = 6
LOOSE_SHARE = 0.6  # of what is learned from: the usual box of a place is seldom right there
CLEAR_STEPS = 2  # of twelve, between the tallest or shortest bar and the next
# In the order in which things are named: from left to right, from top to bottom.
PLACE_CENTRES = {
    "left": (0.2, 0.5),
    "top": (0.5, 0.2),
    "middle": (0.5, 0.5),
    "bottom": (0.5, 0.8),
    "right": (0.8, 0.5),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing. `box`: left, top, right, bottom in thousandths of the picture, known once it is drawn."""

    colour: str
    shape: str
    place: str = ""
    box: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart; `height` as a share of the tallest that fits."""

    letter: str
    height: float


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture.

    shapes: `items`, all alike. scattered: `items`, all different, of any size and further from the centres of their
    places if `loose`. headline: a page, slide or sign with `headline`,
    text below if `lines`, and now and then one item. chart: `bars`. text: a page that cannot be read.
    """

    kind: Kind
    items: tuple[Item, ...] = ()
    headline: str = ""
    bars: tuple[Bar, ...] = ()
    lines: bool = False
    dark: bool = False
    loose: bool = False


def item(dice: Dice) -> Item:
    return Item(dice.choice(tuple(COLOURS)), dice.choice(tuple(SHAPES)))


def shapes_scene(dice: Dice, most: int = MOST_SHAPES) -> Scene:
    count = dice.choice((1, 1, *range(1, most + 1)))
    return Scene("shapes", (item(dice),) * count)


def scattered_scene(dice: Dice, loose: float = 0.0) -> Scene:
    """Things that differ in colour and in shape, each in a place of its own; the share `loose` of them is `loose`."""
    chosen = dice.sample(tuple(PLACE_CENTRES), dice.randint(1, 4))
    places = [place for place in PLACE_CENTRES if place in chosen]
    colours = dice.sample(tuple(COLOURS), len(places))
    shapes = dice.sample(tuple(SHAPES), len(places))
    return Scene("scattered", tuple(map(Item, colours, shapes, places)), loose=dice.chance(loose))


def loosely_scattered(dice: Dice) -> Scene:
    return scattered_scene(dice, LOOSE_SHARE)


def headline_scene(dice: Dice, accompanied: float = 0.25) -> Scene:
    """The share `accompanied` of them has a thing beside the headline."""
    things = (item(dice),) if dice.chance(accompanied) else ()
    return Scene("headline", things, letters(dice), lines=dice.chance(0.6))


def chart_scene(dice: Dice) -> Scene:
    """3 to 6 bars. The tallest and the shortest differ from the rest by what an eye can see."""
    count = dice.randint(3, 6)
    while True:
        steps = dice.sample(range(12), count)
        low, *_, high = ordered = sorted(steps)
        if min(ordered[1] - low, high - ordered[-2]) >= CLEAR_STEPS:
            break
    heights = [0.12 + 0.88 * step / 11 for step in steps]
    names = CHARACTERS[:count] if dice.chance(0.5) else dice.sample(CHARACTERS[:26], count)
    return Scene("chart", bars=tuple(map(Bar, names, heights)))


def headline_page(dice: Dice) -> Scene:
    """With a thing more often than a picture alone: what stands together on one page of several has to be learned."""
    return headline_scene(dice, 0.5)


def page_scene(dice: Dice) -> Scene:
    """One page of several."""
    chance = dice.random()
    if chance < 0.55:
        return headline_page(dice)
    if chance < 0.93:
        return shapes_scene(dice, 4)
    return Scene(dice.choice(("text", "blank")))


def any_scene(dice: Dice) -> Scene:
    """For questions that fit every picture."""
    makers = (shapes_scene, shapes_scene, scattered_scene, headline_scene, chart_scene)
    if dice.chance(0.2):
        return Scene(dice.choice(("text", "text", "blank", "other")))
    return dice.choice(makers)(dice)


def any_direction(dice: Dice) -> str:
    """One of DIRECTIONS; to stand still is the rarest."""
    return dice.choice(("right", "left", "up", "down", dice.choice(tuple(DIRECTIONS))))


def tallest(bars: tuple[Bar, ...]) -> str:
    return max(bars, key=lambda bar: bar.height).letter


def shortest(bars: tuple[Bar, ...]) -> str:
    return min(bars, key=lambda bar: bar.height).letter
