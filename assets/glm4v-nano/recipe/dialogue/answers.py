"""What the small model should think and say about what it sees, in English and Chinese. Knows no pixels."""

from __future__ import annotations

from dataclasses import dataclass

from recipe.dialogue.templates import SENTENCES
from recipe.dialogue.vocabulary import (
    LANGUAGE_INDEX,
    PLACES,
    Language,
    colour_name,
    number_name,
    shape_name,
)
from recipe.drawing.scenes import Item, Scene, shortest, tallest


@dataclass(frozen=True, slots=True)
class Reply:
    """`facts` are what a right answer names, in its language."""

    thought: str
    answer: str
    facts: tuple[str, ...]


def say(key: str, language: Language, **words: object) -> str:
    """A sentence with the article that its words want: "an orange", not "a orange"."""
    said = f" {SENTENCES[key][LANGUAGE_INDEX[language]].format(**words)}"
    return said.replace(" a orange", " an orange").replace(" A orange", " An orange")[1:]


def words_of(item: Item, language: Language, count: int = 1) -> dict[str, str]:
    return {
        "colour": colour_name(item.colour, language),
        "shape": shape_name(item.shape, language),
        "shapes": shape_name(item.shape, language, several=True),
        "number": number_name(count, language),
    }


def thing(item: Item, language: Language) -> str:
    return say("thing", language, **words_of(item, language))


def placed(scene: Scene, language: Language, asked: Item | None = None, boxed: bool = False) -> str:
    """The things of a scattered scene, each behind its place: so a place is said before its thing in both languages.

    The one that was asked for is marked where it is named, so that the answer has it at hand; if its box is wanted, all
    have theirs.
    """
    told = []
    for item in scene.items:
        mark = say("that one", language) if item is asked else ""
        mark += say("at box", language, box=box_text(item)) if boxed else ""
        place = PLACES[item.place][LANGUAGE_INDEX[language]]
        told.append(say("list thing", language, place=place, thing=thing(item, language)) + mark)
    return ("、" if language == "zh" else ", ").join(told)


def bar_letters(scene: Scene, language: Language, ranked: bool = False) -> str:
    """The bars of a chart from left to right; the tallest and the shortest are marked if `ranked`."""
    marks = (
        {tallest(scene.bars): "bar tallest", shortest(scene.bars): "bar shortest"} if ranked else {}
    )
    letters = [bar.letter for bar in scene.bars]
    return ", ".join(
        letter + (say(marks[letter], language) if letter in marks else "") for letter in letters
    )


def thought_about(
    scene: Scene, language: Language, asked: Item | None = None, boxed: bool = False
) -> str:
    """What is seen, whatever was asked; a thing that was asked for is marked."""
    if scene.kind == "shapes":
        count = len(scene.items)
        words = words_of(scene.items[0], language, count)
        ground = say("ground dark" if scene.dark else "ground light", language)
        if boxed:
            return say("one at box", language, box=box_text(scene.items[0]), **words) + ground
        return say("one" if count == 1 else "many", language, **words) + ground
    if scene.kind == "scattered":
        return say("list", language, things=placed(scene, language, asked, boxed))
    if scene.kind == "chart":
        return say("chart", language, letters=bar_letters(scene, language, ranked=True))
    if scene.kind != "headline":
        return say(scene.kind, language, tone=tone(scene, language))
    below = say("below", language) if scene.lines else ""
    if scene.items:
        below = say("below thing", language, thing=thing(scene.items[0], language))
    return say("headline", language, headline=scene.headline) + below


def tone(scene: Scene, language: Language) -> str:
    return say("tone dark" if scene.dark else "tone light", language)


def described(scene: Scene, language: Language) -> tuple[str, tuple[str, ...]]:
    """(The answer to "what is this?", its facts)."""
    if scene.kind == "shapes":
        words = words_of(scene.items[0], language, len(scene.items))
        several = (words["number"],) if len(scene.items) > 1 else ()
        number = "many" if several else "one"
        return say(f"answer describe {number}", language, **words), (
            words["colour"],
            words["shape"],
            *several,
        )
    if scene.kind == "scattered":
        return say("answer list", language, things=placed(scene, language)), (
            placed(scene, language),
        )
    if scene.kind == "chart":
        letters = bar_letters(scene, language)
        return say("answer chart", language, letters=letters), (letters,)
    if scene.kind != "headline":
        answer = say(f"answer {scene.kind}", language, tone=tone(scene, language))
        return answer, (answer,)
    if not scene.items:
        return say("answer headline", language, headline=scene.headline), (scene.headline,)
    also = thing(scene.items[0], language)
    return say("answer headline and", language, headline=scene.headline, thing=also), (
        scene.headline,
        also,
    )


def about_picture(topic: str, scene: Scene, language: Language, item: Item | None = None) -> Reply:
    """`topic`: colour, shape, count, describe, headline, tallest, shortest; where, box and colour of `item`."""
    thought = thought_about(scene, language, item, topic == "box")
    if topic in ("where", "box", "colour") and item is not None:
        return Reply(thought, *about_item(topic, item, language))
    if topic == "headline" and not scene.headline and scene.kind != "text":
        return Reply(thought, say("no headline", language), (say("no headline", language),))
    if topic == "headline" and scene.headline:
        return Reply(
            thought, say("answer headline", language, headline=scene.headline), (scene.headline,)
        )
    if topic in ("tallest", "shortest"):
        answer = say(
            topic, language, letter=(tallest if topic == "tallest" else shortest)(scene.bars)
        )
        return Reply(thought, answer, (answer,))
    if topic == "describe" or scene.kind != "shapes":
        return Reply(thought, *described(scene, language))
    count = len(scene.items)
    words = words_of(scene.items[0], language, count)
    answer = say(f"answer {topic} {'one' if count == 1 else 'many'}", language, **words)
    return Reply(thought, answer, (words["number" if topic == "count" else topic],))


def about_item(topic: str, item: Item, language: Language) -> tuple[str, tuple[str, ...]]:
    words = words_of(item, language)
    if topic == "colour":
        return say("answer colour one", language, **words), (words["colour"],)
    if topic == "where":
        place = PLACES[item.place][LANGUAGE_INDEX[language]]
        return say("where", language, place=place, **words), (place,)
    return say("box", language, box=box_text(item), **words), ()


def box_text(item: Item) -> str:
    """Left, top, right, bottom in thousandths, to the nearest ten."""
    return ",".join(str(10 * round(edge / 10)) for edge in item.box)
