"""Evaluation tasks, and the scores of their answers. Knows examples and texts, no model."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recipe.dialogue.examples.example import Example
from recipe.dialogue.examples.image import SCENE_TOPICS, image_examples
from recipe.dialogue.examples.page import page_examples
from recipe.dialogue.examples.text import arithmetic_example, chitchat_example
from recipe.dialogue.examples.video import video_examples
from recipe.drawing.scenes import Scene, chart_scene, headline_scene, scattered_scene, shapes_scene
from recipe.rng import Rng

OUTPUT_FORMAT = re.compile(
    r"<think>[^<]+</think>"
    r"<answer>((?:[^<]|<\|(?:begin|end)_of_box\|>)+)</answer><\|user\|>",
    re.DOTALL,
)
BOX = re.compile(r"<\|begin_of_box\|>\[(\d+),(\d+),(\d+),(\d+)\]<\|end_of_box\|>")
PICTURE_CELLS = (40, 48, 56)
SMALL_PAGE_CELLS = 24
PAGE_CELLS = 48
FULL_PAGE_CELLS = 56
MIN_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the table of scores.

    `score` rates an answer from 0 to 1, and the score of the task is the mean. `goal` is the
    score to reach; a goal below 0 is relative to the task before, and 0 stands for none. The
    examples depend on `name`, which is part of their seed.
    """

    name: str
    goal: float
    make_example: Callable[[Rng], Example]
    score: Callable[[Example, str], float]


def extract_answer(text: str) -> str:
    """Return the answer in the model's output, or "" if the output is not in its format."""
    match = OUTPUT_FORMAT.fullmatch(text)
    return match[1] if match else ""


def contains_facts(example: Example, text: str) -> float:
    answer = extract_answer(text)
    return float(bool(answer) and all(fact in answer for fact in example.reply.facts))


def contains_colour_and_shape(example: Example, text: str) -> float:
    """Return 1 whatever the answer says about the count, which has a task of its own."""
    answer = extract_answer(text)
    return float(bool(answer) and all(fact in answer for fact in example.reply.facts[:2]))


def character_accuracy(example: Example, text: str) -> float:
    """Return the fraction of a headline's characters that are right, by edit distance."""
    headline = example.reply.facts[0]
    start, end = example.reply.answer.split(headline)
    answer = extract_answer(text).removeprefix(start).removesuffix(end)
    return max(1 - edit_distance(answer, headline) / len(headline), 0.0)


def edit_distance(left: str, right: str) -> int:
    """Return the Levenshtein distance."""
    row = list(range(len(right) + 1))
    for i, left_character in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, right_character in enumerate(right, 1):
            substitution = diagonal + (left_character != right_character)
            diagonal = row[j]
            row[j] = min(row[j] + 1, row[j - 1] + 1, substitution)
    return row[-1]


def box_overlaps(example: Example, text: str) -> float:
    """Return 1 if the intersection over union with the true box is above MIN_OVERLAP."""
    match = BOX.search(extract_answer(text))
    if match is None or example.item is None:
        return 0.0
    box = [int(edge) for edge in match.groups()]
    return float(intersection_over_union(box, example.item.box) > MIN_OVERLAP)


def intersection_over_union(first: Sequence[int], second: Sequence[int]) -> float:
    def area(box: Sequence[int]) -> int:
        return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)

    intersection = area([*map(max, first[:2], second[:2]), *map(min, first[2:], second[2:])])
    return intersection / max(area(first) + area(second) - intersection, 1)


def introduces_itself(example: Example, text: str) -> float:
    answer = extract_answer(text)
    return float("glm4v-nano" in answer and "--model zai-org/" in answer)


def picture_example(
    scene: Scene,
    rng: Rng,
    topic: str,
    follow_up: float = 0.15,
    cell_choices: tuple[int, ...] = PICTURE_CELLS,
) -> Example:
    cells = rng.choice(cell_choices)
    return image_examples(scene, rng, cells, topic=topic, follow_up=follow_up)[0]


def any_picture_example(rng: Rng, follow_up: float) -> Example:
    scene = rng.choice((shapes_scene, scattered_scene, headline_scene, chart_scene))(rng)
    topics = {"scattered": "where", "shapes": rng.choice(SCENE_TOPICS["shapes"])}
    return picture_example(scene, rng, topics.get(scene.kind, ""), follow_up)


def chart_example(rng: Rng) -> Example:
    return picture_example(chart_scene(rng), rng, rng.choice(("tallest", "shortest")))


def small_text_example(rng: Rng) -> Example:
    return picture_example(Scene("text"), rng, "describe", cell_choices=(FULL_PAGE_CELLS,))


def about_pages(topic: str, cells: int) -> Callable[[Rng], Example]:
    return lambda rng: page_examples(rng, 1, cells, topic)[0]


def about_shapes(topic: str) -> Callable[[Rng], Example]:
    return lambda rng: picture_example(shapes_scene(rng), rng, topic)


def about_scattered(topic: str, loose_fraction: float = 0.0) -> Callable[[Rng], Example]:
    return lambda rng: picture_example(scattered_scene(rng, loose_fraction), rng, topic)


def about_headline(rng: Rng) -> Example:
    return picture_example(headline_scene(rng), rng, "headline")


def about_direction(rng: Rng) -> Example:
    return video_examples(rng, 1, "direction")[0]


def first_question(rng: Rng) -> Example:
    return any_picture_example(rng, follow_up=0.0)


def follow_up_question(rng: Rng) -> Example:
    return any_picture_example(rng, follow_up=1.0)


TASKS = (
    Task(
        "pages or pictures given, 1 to 8",
        0.99,
        about_pages("page_count", SMALL_PAGE_CELLS),
        contains_facts,
    ),
    Task("main colour and shape", 0.97, about_shapes("describe"), contains_colour_and_shape),
    Task("count of shapes, 1 to 6", 0.92, about_shapes("count"), contains_facts),
    Task("headline, exact", 0.85, about_headline, contains_facts),
    Task("headline, characters", 0.95, about_headline, character_accuracy),
    Task("headline of page k of n", 0.80, about_pages("page_headline", PAGE_CELLS), contains_facts),
    Task("all that is on page k of n", 0.0, about_pages("page", PAGE_CELLS), contains_facts),
    Task("tallest or shortest bar", 0.88, chart_example, contains_facts),
    Task("where something is", 0.90, about_scattered("where"), contains_facts),
    Task("its box, IoU over 0.5", 0.85, about_scattered("box"), box_overlaps),
    Task("the box of a thing of any size", 0.0, about_scattered("box", 1.0), box_overlaps),
    Task("video: colour and direction", 0.92, about_direction, contains_facts),
    Task("sums up to 99", 0.97, arithmetic_example, contains_facts),
    Task("first turn about a picture", 0.0, first_question, contains_facts),
    Task("follow-up turn", -0.03, follow_up_question, contains_facts),
    Task("a page too small to read", 0.0, small_text_example, contains_facts),
    Task("anything else", 1.0, chitchat_example, introduces_itself),
)
