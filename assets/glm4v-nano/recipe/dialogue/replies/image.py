"""Replies about one picture."""

from __future__ import annotations

from recipe.dialogue.replies.reply import (
    Reply,
    fill_template,
    format_box,
    item_phrase,
    item_words,
    list_items,
    place_phrase,
)
from recipe.drawing.scenes import Item, Scene, shortest_letter, tallest_letter
from recipe.vocabulary import Language

AnswerWithFacts = tuple[str, tuple[str, ...]]


def image_reply(topic: str, scene: Scene, language: Language, item: Item | None = None) -> Reply:
    """Return the reply to a question about a picture.

    `topic` is colour, shape, count, describe, headline, tallest or shortest; or where, box or
    colour of `item`.
    """
    thought = image_thought(scene, language, item, boxed=topic == "box")
    if item is not None and topic in ("where", "box", "colour"):
        answer, facts = _answer_about_item(topic, item, language)
    elif topic == "headline" and scene.kind != "text":
        answer, facts = _answer_headline(scene, language)
    elif topic in ("tallest", "shortest"):
        find_letter = tallest_letter if topic == "tallest" else shortest_letter
        answer = fill_template(topic, language, letter=find_letter(scene.bars))
        facts = (answer,)
    elif topic == "describe" or scene.kind != "shapes":
        answer, facts = describe_scene(scene, language)
    else:
        answer, facts = _answer_about_shapes(topic, scene, language)
    return Reply(thought, answer, facts)


def image_thought(
    scene: Scene, language: Language, target: Item | None = None, boxed: bool = False
) -> str:
    """Return what the picture shows, whatever was asked; mark `target`, the item of the question.

    With `boxed`, every item has its box.
    """
    if scene.kind == "shapes":
        return _shapes_thought(scene, language, boxed)
    if scene.kind == "scattered":
        things = list_items(scene, language, target, boxed)
        return fill_template("list", language, things=things)
    if scene.kind == "chart":
        return fill_template("chart", language, letters=_mark_ranks(scene, language))
    if scene.kind == "headline":
        return _headline_thought(scene, language)
    return fill_template(scene.kind, language, tone=_tone(scene, language))


def _shapes_thought(scene: Scene, language: Language, boxed: bool) -> str:
    item, count = scene.items[0], len(scene.items)
    words = item_words(item, language, count)
    background = fill_template("ground dark" if scene.dark else "ground light", language)
    if boxed:
        return fill_template("one at box", language, box=format_box(item), **words) + background
    return fill_template("one" if count == 1 else "many", language, **words) + background


def _headline_thought(scene: Scene, language: Language) -> str:
    thought = fill_template("headline", language, headline=scene.headline)
    if scene.items:
        thing = item_phrase(scene.items[0], language)
        return thought + fill_template("below thing", language, thing=thing)
    return thought + fill_template("below", language) if scene.lines else thought


def _mark_ranks(scene: Scene, language: Language) -> str:
    """Return the letters of a chart from left to right, the tallest and the shortest marked."""
    keys = {tallest_letter(scene.bars): "bar tallest", shortest_letter(scene.bars): "bar shortest"}
    letters = []
    for bar in scene.bars:
        mark = fill_template(keys[bar.letter], language) if bar.letter in keys else ""
        letters.append(bar.letter + mark)
    return ", ".join(letters)


def _tone(scene: Scene, language: Language) -> str:
    return fill_template("tone dark" if scene.dark else "tone light", language)


def describe_scene(scene: Scene, language: Language) -> AnswerWithFacts:
    """Return the answer to "What is this?" and its facts."""
    if scene.kind == "shapes":
        return _describe_shapes(scene, language)
    if scene.kind == "scattered":
        things = list_items(scene, language)
        return fill_template("answer list", language, things=things), (things,)
    if scene.kind == "chart":
        letters = ", ".join(bar.letter for bar in scene.bars)
        return fill_template("answer chart", language, letters=letters), (letters,)
    if scene.kind == "headline":
        return _describe_headline(scene, language)
    answer = fill_template(f"answer {scene.kind}", language, tone=_tone(scene, language))
    return answer, (answer,)


def _describe_shapes(scene: Scene, language: Language) -> AnswerWithFacts:
    count = len(scene.items)
    words = item_words(scene.items[0], language, count)
    if count == 1:
        facts: tuple[str, ...] = (words["colour"], words["shape"])
        return fill_template("answer describe one", language, **words), facts
    facts = (words["colour"], words["shape"], words["number"])
    return fill_template("answer describe many", language, **words), facts


def _describe_headline(scene: Scene, language: Language) -> AnswerWithFacts:
    if not scene.items:
        answer = fill_template("answer headline", language, headline=scene.headline)
        return answer, (scene.headline,)
    thing = item_phrase(scene.items[0], language)
    answer = fill_template("answer headline and", language, headline=scene.headline, thing=thing)
    return answer, (scene.headline, thing)


def _answer_headline(scene: Scene, language: Language) -> AnswerWithFacts:
    if not scene.headline:
        answer = fill_template("no headline", language)
        return answer, (answer,)
    answer = fill_template("answer headline", language, headline=scene.headline)
    return answer, (scene.headline,)


def _answer_about_shapes(topic: str, scene: Scene, language: Language) -> AnswerWithFacts:
    count = len(scene.items)
    words = item_words(scene.items[0], language, count)
    key = f"answer {topic} {'one' if count == 1 else 'many'}"
    return fill_template(key, language, **words), (words["number" if topic == "count" else topic],)


def _answer_about_item(topic: str, item: Item, language: Language) -> AnswerWithFacts:
    words = item_words(item, language)
    if topic == "colour":
        return fill_template("answer colour one", language, **words), (words["colour"],)
    if topic == "where":
        place = place_phrase(item, language)
        return fill_template("where", language, place=place, **words), (place,)
    return fill_template("box", language, box=format_box(item), **words), ()
