"""A reply, and the sentences and phrases that replies are made of."""

from __future__ import annotations

from dataclasses import dataclass

from recipe.dialogue.replies.templates import TEMPLATES
from recipe.drawing.scenes import Item, Scene
from recipe.vocabulary import (
    LANGUAGE_INDEX,
    PLACES,
    Language,
    colour_name,
    number_name,
    shape_name,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A thought and an answer; a right answer contains all `facts`, in its language."""

    thought: str
    answer: str
    facts: tuple[str, ...]


def fill_template(key: str, language: Language, **words: object) -> str:
    """Return a sentence with the right article before a vowel: "an orange", not "a orange"."""
    # The leading space makes the article at the start of a sentence match as well.
    sentence = f" {TEMPLATES[key][LANGUAGE_INDEX[language]].format(**words)}"
    return sentence.replace(" a orange", " an orange").replace(" A orange", " An orange")[1:]


def item_words(item: Item, language: Language, count: int = 1) -> dict[str, str]:
    """Return the words that fill the placeholders of a template about `count` such items."""
    return {
        "colour": colour_name(item.colour, language),
        "shape": shape_name(item.shape, language),
        "shapes": shape_name(item.shape, language, plural=True),
        "number": number_name(count, language),
    }


def item_phrase(item: Item, language: Language) -> str:
    return fill_template("thing", language, **item_words(item, language))


def place_phrase(item: Item, language: Language) -> str:
    return PLACES[item.place][LANGUAGE_INDEX[language]]


def list_items(
    scene: Scene, language: Language, target: Item | None = None, boxed: bool = False
) -> str:
    """List the items of a scattered scene, each after its place in both languages.

    `target`, the item of the question, is marked where it is named, so that the answer can copy
    from there. With `boxed`, every item is followed by its box.
    """
    phrases = []
    for item in scene.items:
        words = {"place": place_phrase(item, language), "thing": item_phrase(item, language)}
        phrase = fill_template("list thing", language, **words)
        if item is target:
            phrase += fill_template("that one", language)
        if boxed:
            phrase += fill_template("at box", language, box=format_box(item))
        phrases.append(phrase)
    return ("、" if language == "zh" else ", ").join(phrases)


def format_box(item: Item) -> str:
    """Return left, top, right, bottom in thousandths of the picture, rounded to tens."""
    return ",".join(str(10 * round(edge / 10)) for edge in item.box)
