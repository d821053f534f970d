"""Lessons as tensors: what the model reads, and which of its tokens are to be learned. Made in worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from dice import Dice
from lessons import (
    Lesson,
    any_lesson,
    chart_lesson,
    headline_lesson,
    pages_lesson,
    scattered_lesson,
    shapes_lesson,
    sum_lesson,
    talk_lesson,
    video_lesson,
)
from torch import Tensor
from torch.utils.data import Dataset

Batch = dict[str, Tensor]
IGNORED = -100


@dataclass(frozen=True, slots=True)
class Course:
    """A kind of lesson, how many make a batch, how often it comes, and how many cells its pictures may have."""

    make: Callable[..., Lesson]
    lessons: int
    share: float
    cells: tuple[int, ...] = ()


COURSES = (
    Course(headline_lesson, 14, 7, (16, 24, 40)),
    Course(headline_lesson, 4, 1, (96, 192)),
    Course(shapes_lesson, 12, 2, (24, 32, 48)),
    Course(scattered_lesson, 12, 3, (32, 40, 48)),
    Course(chart_lesson, 12, 2, (32, 40, 48)),
    Course(any_lesson, 8, 1, (40,)),
    Course(any_lesson, 3, 0.3, (192,)),
    Course(pages_lesson, 5, 5, (16, 24, 32)),
    Course(pages_lesson, 1, 0.3, (192,)),
    Course(video_lesson, 6, 2),
    Course(sum_lesson, 24, 2),
    Course(talk_lesson, 4, 1),
)
BATCHES = 2  # a step
CUT_SHARE = 0.1  # of the lessons end the thought early, as a thinking budget does


@dataclass(frozen=True, slots=True)
class Example:
    """One lesson as tensors. `labels` are the ids to learn, IGNORED for the rest."""

    inputs: dict[str, Tensor]
    ids: list[int]
    labels: list[int]


class Encoder:
    """Turns lessons into examples with the checkpoint's own processor."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor

    def prompt(self, lesson: Lesson) -> Any:
        """What the processor makes of the conversation, ready for generate."""
        return self._processor.apply_chat_template(
            lesson.messages,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            add_generation_prompt=True,
            sanitize_control_tokens=True,
            processor_kwargs=lesson.processor_arguments,
        )

    def example(self, lesson: Lesson, dice: Dice) -> Example:
        inputs = self.prompt(lesson)
        prompt = inputs.pop("input_ids")[0].tolist()
        given, learned = self._target(lesson, dice)
        ids = prompt + given + learned
        return Example(inputs, ids, [IGNORED] * (len(prompt) + len(given)) + learned)

    def _target(self, lesson: Lesson, dice: Dice) -> tuple[list[int], list[int]]:
        """(Ids put into the model's mouth, ids to learn): now and then the thought is cut where it stands."""
        answer = self.spell(lesson.reply.answer) + self._mark("</answer>") + self._mark("<|user|>")
        thought = self.spell(lesson.reply.thought)
        if dice.chance(CUT_SHARE):
            kept = thought[: dice.randint(0, len(thought)) if dice.chance(0.6) else 0]
            forced = self._mark("</think>") + self.spell("\n") + self._mark("<answer>")
            return self._mark("<think>") + kept + forced, answer
        return [], self._mark("<think>") + thought + self._mark("</think>") + self._mark("<answer>") + answer

    def spell(self, text: str) -> list[int]:
        return self._processor.tokenizer.encode(text, add_special_tokens=False)

    def _mark(self, token: str) -> list[int]:
        return [self._processor.tokenizer.convert_tokens_to_ids(token)]


def collate(examples: list[Example], pad: int) -> Batch:
    """Examples of one kind as one batch, padded on the right."""
    longest = max(len(example.ids) for example in examples)

    def padded(rows: list[list[int]], value: int) -> Tensor:
        return torch.tensor([row + [value] * (longest - len(row)) for row in rows])

    batch = {
        "input_ids": padded([example.ids for example in examples], pad),
        "attention_mask": padded([[1] * len(example.ids) for example in examples], 0),
        "labels": padded([example.labels for example in examples], IGNORED),
        "mm_token_type_ids": padded([example.inputs["mm_token_type_ids"][0].tolist() for example in examples], 0),
    }
    for name in ("pixel_values", "image_grid_thw", "pixel_values_videos", "video_grid_thw"):
        if name in examples[0].inputs:
            batch[name] = torch.cat([example.inputs[name] for example in examples])
    return batch


class Steps(Dataset[list[Batch]]):
    """Endless: item n is the list of batches of step n, the same for the same seed."""

    def __init__(self, processor: Any, seed: int = 0) -> None:
        self._encoder = Encoder(processor)
        self._pad = processor.tokenizer.pad_token_id
        self._seed = seed

    def __getitem__(self, step: int) -> list[Batch]:
        dice = Dice(f"{self._seed} {step}")
        courses = dice.choices(COURSES, [course.share for course in COURSES], k=BATCHES)
        return [self._batch(course, dice) for course in courses]

    def _batch(self, course: Course, dice: Dice) -> Batch:
        cells = (dice.choice(course.cells),) if course.cells else ()
        examples = [self._encoder.example(course.make(dice, *cells), dice) for _ in range(course.lessons)]
        return collate(examples, self._pad)


def steps_from(step: int) -> Iterator[int]:
    while True:
        yield step
        step += 1
