"""What is asked of the bundled model, and when an answer counts as right. Knows lessons and texts, no model."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recipe.dialogue.examples import (
    SCENE_TOPICS,
    Lesson,
    lessons_about,
    pages_lessons,
    video_lessons,
)
from recipe.dialogue.text_examples import sum_lesson, talk_lesson
from recipe.drawing.scenes import Scene, chart_scene, headline_scene, scattered_scene, shapes_scene
from recipe.rng import Dice

FORM = re.compile(
    r"<think>[^<]+</think><answer>((?:[^<]|<\|(?:begin|end)_of_box\|>)+)</answer><\|user\|>",
    re.DOTALL,
)
BOX = re.compile(r"<\|begin_of_box\|>\[(\d+),(\d+),(\d+),(\d+)\]<\|end_of_box\|>")
CELLS = (40, 48, 56)
FULL_PAGE = 56
LEAST_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Task:
    """One line of the table: `mark` gives each answer a mark from 0 to 1, `goal` is the mean that is wanted.

    A goal below 0 is how far it may stay behind the line above; 0 stands for none.
    """

    name: str
    goal: float
    make: Callable[[Dice], Lesson]
    mark: Callable[[Lesson, str], float]


def answer_of(text: str) -> str:
    """The answer inside what the model wrote; "" if thought, answer and end are not in their form."""
    match = FORM.fullmatch(text)
    return match[1] if match else ""


def names_facts(lesson: Lesson, text: str) -> float:
    answer = answer_of(text)
    return float(bool(answer) and all(fact in answer for fact in lesson.reply.facts))


def names_colour_and_shape(lesson: Lesson, text: str) -> float:
    """Their number, which the same answer tells, is a task of its own."""
    answer = answer_of(text)
    return float(bool(answer) and all(fact in answer for fact in lesson.reply.facts[:2]))


def characters(lesson: Lesson, text: str) -> float:
    """The share of the headline's characters that are right, by edit distance."""
    wanted = lesson.reply.facts[0]
    start, end = lesson.reply.answer.split(wanted)
    return max(
        1 - distance(answer_of(text).removeprefix(start).removesuffix(end), wanted) / len(wanted),
        0.0,
    )


def distance(one: str, other: str) -> int:
    """Levenshtein's."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


def overlaps(lesson: Lesson, text: str) -> float:
    """1 if the box's intersection with the true one is over half of their union."""
    match = BOX.search(answer_of(text))
    if match is None or lesson.item is None:
        return 0.0
    return float(overlap([int(edge) for edge in match.groups()], lesson.item.box) > LEAST_OVERLAP)


def overlap(one: Sequence[int], other: Sequence[int]) -> float:
    def area(box: Sequence[int]) -> int:
        return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)

    shared = area([*map(max, one[:2], other[:2]), *map(min, one[2:], other[2:])])
    return shared / max(area(one) + area(other) - shared, 1)


def introduces_itself(lesson: Lesson, text: str) -> float:
    return float("glm4v-nano" in answer_of(text) and "--model zai-org/" in answer_of(text))


def mixed(dice: Dice, follow_up: float) -> Lesson:
    scene = dice.choice((shapes_scene, scattered_scene, headline_scene, chart_scene))(dice)
    topic = {"scattered": "where", "shapes": dice.choice(SCENE_TOPICS["shapes"])}.get(
        scene.kind, ""
    )
    return about(scene, dice, topic, follow_up)


def about(
    scene: Scene, dice: Dice, topic: str, follow_up: float = 0.15, cells: tuple[int, ...] = CELLS
) -> Lesson:
    return lessons_about(scene, dice, dice.choice(cells), 1, topic, follow_up)[0]


def about_pages(topic: str, cells: int) -> Callable[[Dice], Lesson]:
    return lambda dice: pages_lessons(dice, 1, cells, topic)[0]


def about_shapes(topic: str) -> Callable[[Dice], Lesson]:
    return lambda dice: about(shapes_scene(dice), dice, topic)


def about_scattered(topic: str, loose: float = 0.0) -> Callable[[Dice], Lesson]:
    return lambda dice: about(scattered_scene(dice, loose), dice, topic)


def about_headline(cells: tuple[int, ...]) -> Callable[[Dice], Lesson]:
    return lambda dice: about(headline_scene(dice), dice, "headline", cells=cells)


def chart(dice: Dice) -> Lesson:
    return about(chart_scene(dice), dice, dice.choice(("tallest", "shortest")))


TASKS = (
    Task("pages or pictures given, 1 to 8", 0.99, about_pages("page_count", 24), names_facts),
    Task("main colour and shape", 0.97, about_shapes("describe"), names_colour_and_shape),
    Task("count of shapes, 1 to 6", 0.92, about_shapes("count"), names_facts),
    Task("headline, exact", 0.85, about_headline(CELLS), names_facts),
    Task("headline, characters", 0.95, about_headline(CELLS), characters),
    Task("headline of page k of n", 0.80, about_pages("page_headline", 48), names_facts),
    Task("all that is on page k of n", 0.0, about_pages("page", 48), names_facts),
    Task("tallest or shortest bar", 0.88, chart, names_facts),
    Task("where something is", 0.90, about_scattered("where"), names_facts),
    Task("its box, IoU over 0.5", 0.85, about_scattered("box"), overlaps),
    Task("the box of a thing of any size", 0.0, about_scattered("box", loose=1.0), overlaps),
    Task(
        "video: colour and direction",
        0.92,
        lambda dice: video_lessons(dice, 1, "direction")[0],
        names_facts,
    ),
    Task("sums up to 99", 0.97, sum_lesson, names_facts),
    Task("first turn about a picture", 0.0, lambda dice: mixed(dice, 0.0), names_facts),
    Task("follow-up turn", -0.03, lambda dice: mixed(dice, 1.0), names_facts),
    Task(
        "a page too small to read",
        0.0,
        lambda dice: about(Scene("text"), dice, "describe", cells=(FULL_PAGE,)),
        names_facts,
    ),
    Task("anything else", 1.0, talk_lesson, introduces_itself),
)
