"""Lessons: a random conversation about pictures, pages, a clip, a sum or nothing, with the right thought and answer.

Several lessons may be about the same picture: whoever looks at it once can be asked more than once. Knows what is drawn
and what is said about it, no tokens and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from recipe.dialogue.answers import Reply, about_picture
from recipe.dialogue.ask import ask, stray_text
from recipe.dialogue.page_answers import about_pages
from recipe.dialogue.small_talk import SYSTEM_PROMPTS
from recipe.dialogue.video_answers import about_video
from recipe.dialogue.vocabulary import LANGUAGES, Language
from recipe.drawing.render import clip, draw
from recipe.drawing.scenes import (
    Item,
    Scene,
    any_direction,
    any_scene,
    chart_scene,
    headline_page,
    headline_scene,
    item,
    loosely_scattered,
    page_scene,
    shapes_scene,
)
from recipe.rng import Dice

MILLISECONDS = 1000.0
MOST_PAGES = 8
EARLIER_TURNS = (1, 1, 2, 3)  # of a conversation that has gone on
LISTED_PAGES = 4  # up to so many are told one by one
LISTING_TOPICS = ("pages", "which_page")
PAGE_TOPICS = (
    "page_count",
    "page_headline",
    "page_headline",
    "page",
    "page",
    "which_page",
    "pages",
)
VIDEO_TOPICS = ("video_colour", "video_shape", "direction", "direction", "video")
SCENE_TOPICS = {
    "shapes": ("colour", "shape", "count", "count", "describe"),
    "scattered": ("where", "where", "box", "box", "box", "item_colour", "describe"),
    "headline": ("headline", "headline", "headline", "describe"),
    "chart": ("tallest", "shortest", "describe"),
    "text": ("describe", "headline"),
    "blank": ("describe",),
    "other": ("describe",),
}
LONE_TOPICS = ("box", "box")  # of a shape alone, and "where" if it has a place


@dataclass(frozen=True, slots=True)
class Lesson:
    """`messages` as the chat template takes them, the last one from the user. `seconds` are the times of the frames.

    `item` is what a box is asked for.
    """

    topic: str
    language: Language
    messages: list[dict[str, Any]]
    reply: Reply
    seconds: tuple[float, ...] = ()
    item: Item | None = None

    @property
    def processor_arguments(self) -> dict[str, Any]:
        """The true times of the frames for the processor, in milliseconds; nothing for pictures."""
        if not self.seconds:
            return {}
        indices = [round(second * MILLISECONDS) for second in self.seconds]
        metadata = {
            "total_num_frames": indices[-1] + 1,
            "fps": MILLISECONDS,
            "frames_indices": indices,
        }
        return {"videos_kwargs": {"do_sample_frames": False, "video_metadata": [[metadata]]}}


def opening(dice: Dice) -> list[dict[str, Any]]:
    """How the conversations about one picture begin: now and then with a system prompt."""
    return [{"role": "system", "content": dice.choice(SYSTEM_PROMPTS)}] if dice.chance(0.12) else []


def turns(
    start: list[dict[str, Any]],
    medium: list[dict[str, Any]],
    question: str,
    earlier: Sequence[tuple[str, str]] = (),
) -> list[dict[str, Any]]:
    """The conversation that ends with `question`, behind the `earlier` questions and answers."""
    questions = [*(asked for asked, _ in earlier), question]
    said: list[dict[str, Any]] = [{"role": "user", "content": asked} for asked in questions]
    said[0]["content"] = [*medium, {"type": "text", "text": questions[0]}]
    for place, (_, answer) in enumerate(earlier):
        said.insert(2 * place + 1, {"role": "assistant", "content": answer})
    return [*start, *said]


def earlier_turns(
    dice: Dice, share: float, turn: Callable[[], tuple[str, str]]
) -> list[tuple[str, str]]:
    """Of the given share of conversations a few turns (question, answer), else none."""
    return [turn() for _ in range(dice.choice(EARLIER_TURNS))] if dice.chance(share) else []


def reply_about(topic: str, scene: Scene, thing: Item | None, language: Language) -> Reply:
    """`topic` as in SCENE_TOPICS."""
    return about_picture("colour" if topic == "item_colour" else topic, scene, language, thing)


def asked_about(
    topic: str, scene: Scene, language: Language, dice: Dice
) -> tuple[str, Reply, Item | None]:
    """(Question, reply, the thing it is about, if one)."""
    thing = dice.choice(scene.items) if topic in ("where", "box", "item_colour") else None
    named = thing or (scene.items[0] if scene.items else None)
    return ask(topic, language, dice, named), reply_about(topic, scene, thing, language), thing


def topics_of(scene: Scene) -> tuple[str, ...]:
    """`scene` as it was drawn."""
    topics = SCENE_TOPICS[scene.kind]
    if scene.kind != "shapes" or len(scene.items) > 1:
        return topics
    return (*topics, *LONE_TOPICS, "where") if scene.items[0].place else (*topics, *LONE_TOPICS)


def lessons_about(
    scene: Scene, dice: Dice, cells: int, count: int = 1, topic: str = "", follow_up: float = 0.25
) -> list[Lesson]:
    """`count` questions about one picture of that scene, of at most `cells` cells.

    The share `follow_up` of them comes behind earlier turns.
    """
    scene, drawing = draw(scene, dice, cells)
    start, medium = opening(dice), [{"type": "image", "image": drawing.image}]
    topics = topics_of(scene)

    def before(language: Language) -> tuple[str, str]:
        spoken = language if dice.chance(0.8) else dice.choice(LANGUAGES)
        question, reply, _ = asked_about(dice.choice(topics), scene, spoken, dice)
        return question, reply.answer

    def lesson() -> Lesson:
        language, chosen = dice.choice(LANGUAGES), topic or dice.choice(topics)
        question, reply, thing = asked_about(chosen, scene, language, dice)
        if chosen == "describe" and dice.chance(0.1):
            question = stray_text(language, dice)
        earlier = earlier_turns(dice, follow_up, lambda: before(language))
        return Lesson(chosen, language, turns(start, medium, question, earlier), reply, item=thing)

    return [lesson() for _ in range(count)]


def shapes_lessons(dice: Dice, count: int, cells: int) -> list[Lesson]:
    return lessons_about(shapes_scene(dice), dice, cells, count)


def scattered_lessons(dice: Dice, count: int, cells: int) -> list[Lesson]:
    return lessons_about(loosely_scattered(dice), dice, cells, count)


def headline_lessons(dice: Dice, count: int, cells: int) -> list[Lesson]:
    return lessons_about(headline_scene(dice), dice, cells, count)


def chart_lessons(dice: Dice, count: int, cells: int) -> list[Lesson]:
    return lessons_about(chart_scene(dice), dice, cells, count)


def any_lessons(dice: Dice, count: int, cells: int) -> list[Lesson]:
    return lessons_about(any_scene(dice), dice, cells, count)


def pages_lessons(dice: Dice, count: int, cells: int, topic: str = "") -> list[Lesson]:
    few = topic in LISTING_TOPICS or (not topic and dice.chance(0.4))
    pages = dice.randint(1, LISTED_PAGES if few else MOST_PAGES)
    headlines = topic == "page_headline" or (not topic and dice.chance(0.5))
    plans = [
        headline_page(dice) if headlines and dice.chance(0.85) else page_scene(dice)
        for _ in range(pages)
    ]
    drawn = [draw(plan, dice, cells) for plan in plans]
    scenes = [scene for scene, _ in drawn]
    start, medium = (
        opening(dice),
        [{"type": "image", "image": drawing.image} for _, drawing in drawn],
    )
    # One page alone is described as any picture is.
    listed = few and pages > 1
    topics = tuple(each for each in PAGE_TOPICS if listed or each not in LISTING_TOPICS)

    def before(language: Language) -> tuple[str, str]:
        asked, n = dice.choice(("page", "page_headline")), dice.randint(1, pages)
        return ask(asked, language, dice, None, n), about_pages(asked, scenes, n, language).answer

    def lesson() -> Lesson:
        language, asked, n = (
            dice.choice(LANGUAGES),
            topic or dice.choice(topics),
            dice.randint(1, pages),
        )
        if asked == "which_page":
            n = single_shape_page(scenes, dice)
            asked, n = (asked, n) if n else ("page", dice.randint(1, pages))
        elif asked not in ("page_count", "pages") and pages < MOST_PAGES and dice.chance(0.06):
            n = pages + 1
        thing = scenes[n - 1].items[0] if n <= pages and scenes[n - 1].items else None
        question = ask(asked, language, dice, thing, n)
        earlier = earlier_turns(dice, 0.35, lambda: before(language))
        reply = about_pages(asked, scenes, n, language)
        return Lesson(asked, language, turns(start, medium, question, earlier), reply)

    return [lesson() for _ in range(count)]


def single_shape_page(scenes: list[Scene], dice: Dice) -> int:
    """A page, from 1, whose shape is on no other; 0 if there is none."""
    shapes = [scene.items[0].shape if scene.items else "" for scene in scenes]
    alone = [number for number, shape in enumerate(shapes, 1) if shape and shapes.count(shape) == 1]
    return dice.choice(alone) if alone else 0


def video_lessons(dice: Dice, count: int, topic: str = "") -> list[Lesson]:
    thing, direction = item(dice), any_direction(dice)
    frames = dice.choice((2, 4, 4, 6, 8, 8, 16))
    step = dice.choice((0.1, 0.25, 0.4, 0.5, 0.5, 1.0, 1.0, 2.0, 5.0))
    seconds = tuple(round(index * step, 3) for index in range(frames))
    drawn = clip(thing, direction, frames, dice)
    start, medium = (
        opening(dice),
        [{"type": "video", "video": [drawing.image for drawing in drawn]}],
    )

    def before(language: Language) -> tuple[str, str]:
        asked = dice.choice(VIDEO_TOPICS)
        return ask(asked, language, dice, thing), about_video(
            asked, thing, direction, language
        ).answer

    def lesson() -> Lesson:
        language, asked = dice.choice(LANGUAGES), topic or dice.choice(VIDEO_TOPICS)
        earlier = earlier_turns(dice, 0.15, lambda: before(language))
        messages = turns(start, medium, ask(asked, language, dice, thing), earlier)
        return Lesson(
            asked, language, messages, about_video(asked, thing, direction, language), seconds
        )

    return [lesson() for _ in range(count)]
