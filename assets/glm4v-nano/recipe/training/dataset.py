"""Lessons as tensors: what the model reads, and which of its tokens are to be learned. Made in worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from recipe.dialogue.examples import (
    Lesson,
    any_lessons,
    chart_lessons,
    headline_lessons,
    pages_lessons,
    scattered_lessons,
    shapes_lessons,
    video_lessons,
)
from recipe.dialogue.text_examples import sum_lessons, talk_lessons, told_lessons
from recipe.rng import Dice

Batch = dict[str, Tensor]
IGNORED = -100


@dataclass(frozen=True, slots=True)
class Course:
    """A kind of lesson: how many rows make a batch, how many questions a row holds, how often it comes.

    `cells` are how many cells its pictures may have.
    """

    make: Callable[..., list[Lesson]]
    rows: int
    questions: int
    share: float
    cells: tuple[int, ...] = ()


COURSES = (
    Course(headline_lessons, 12, 2, 12, (16, 24, 40)),
    Course(headline_lessons, 10, 2, 8, (48, 56)),
    Course(shapes_lessons, 10, 2, 7, (24, 40, 56)),
    Course(scattered_lessons, 8, 3, 5, (32, 40, 48, 56)),
    Course(chart_lessons, 8, 3, 2.5, (32, 40, 48)),
    Course(any_lessons, 6, 2, 1, (40,)),
    Course(any_lessons, 6, 2, 1, (56,)),
    Course(pages_lessons, 4, 4, 3, (16, 24, 32)),
    Course(pages_lessons, 3, 4, 4, (40, 48, 56)),
    Course(video_lessons, 4, 3, 1.2),
    Course(told_lessons, 4, 6, 1),
    Course(sum_lessons, 4, 6, 2.5),
    Course(talk_lessons, 3, 4, 2.5),
)
COURSES_A_STEP = 2
PARTS = 2  # a course's rows become so many batches of rows of like length: of one alone a third would be padding
CUT_SHARE = 0.1  # of the lessons end the thought early, as a thinking budget does
ROUND = (
    16  # ids, to a whole number of which a batch is padded: kernels are made anew for each length
)
MEDIUM_ENDS = ("<|end_of_image|>", "<|end_of_video|>")


@dataclass(frozen=True, slots=True)
class Example:
    """Lessons about the same picture in one row: what they share, and after it what each of them adds.

    `labels` are the ids to learn, IGNORED for the rest. `lessons` tells of each id whose it is, 0 for what is shared.
    `shifts`: how far behind its place in the row an id would stand in its own conversation.
    """

    inputs: dict[str, Tensor]
    ids: list[int]
    labels: list[int]
    lessons: list[int]
    shifts: list[int]


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

    def example(self, lessons: list[Lesson], dice: Dice) -> Example:
        """`lessons` are about the same picture and begin alike."""
        inputs = self.prompt(lessons[0])
        prompt = inputs.pop("input_ids")[0].tolist()
        ends = [self._mark(token)[0] for token in MEDIUM_ENDS]
        shared = max((place + 1 for place, token in enumerate(prompt) if token in ends), default=0)
        ids = prompt[:shared]
        labels, owners, shifts = [IGNORED] * shared, [0] * shared, [0] * shared
        for number, lesson in enumerate(lessons, 1):
            asked = self._question(lesson)
            given, learned = self._target(lesson, dice)
            length = len(asked) + len(given) + len(learned)
            shifts += [len(ids) - shared] * length
            owners += [number] * length
            labels += [IGNORED] * (len(asked) + len(given)) + learned
            ids += asked + given + learned
        kinds = inputs["mm_token_type_ids"][0, :shared].tolist() + [0] * (len(ids) - shared)
        inputs["mm_token_type_ids"] = torch.tensor([kinds])
        return Example(inputs, ids, labels, owners, shifts)

    def _question(self, lesson: Lesson) -> list[int]:
        """What follows the pictures."""
        text = self._processor.apply_chat_template(
            lesson.messages, tokenize=False, add_generation_prompt=True
        )
        for end in MEDIUM_ENDS:
            text = text.rpartition(end)[2]
        return self.spell(text)

    def _target(self, lesson: Lesson, dice: Dice) -> tuple[list[int], list[int]]:
        """(Ids put into the model's mouth, ids to learn): now and then the thought is cut where it stands."""
        answer = self.spell(lesson.reply.answer) + self._mark("</answer>") + self._mark("<|user|>")
        thought = self.spell(lesson.reply.thought)
        if dice.chance(CUT_SHARE):
            kept = thought[: dice.randint(0, len(thought)) if dice.chance(0.6) else 0]
            forced = self._mark("</think>") + self.spell("\n") + self._mark("<answer>")
            return self._mark("<think>") + kept + forced, answer
        return [], self._mark("<think>") + thought + self._mark("</think>") + self._mark(
            "<answer>"
        ) + answer

    def spell(self, text: str) -> list[int]:
        return self._processor.tokenizer.encode(text, add_special_tokens=False)

    def _mark(self, token: str) -> list[int]:
        return [self._processor.tokenizer.convert_tokens_to_ids(token)]


def collate(examples: list[Example], pad: int) -> Batch:
    """Examples of one kind as one batch, padded on the right; `lessons` is -1 there."""
    longest = max(len(example.ids) for example in examples)
    longest += -longest % ROUND

    def padded(rows: list[list[int]], value: int) -> Tensor:
        return torch.tensor([row + [value] * (longest - len(row)) for row in rows])

    batch = {
        "input_ids": padded([example.ids for example in examples], pad),
        "attention_mask": padded([[1] * len(example.ids) for example in examples], 0),
        "labels": padded([example.labels for example in examples], IGNORED),
        "lessons": padded([example.lessons for example in examples], -1),
        "shifts": padded([example.shifts for example in examples], 0),
        "mm_token_type_ids": padded(
            [example.inputs["mm_token_type_ids"][0].tolist() for example in examples], 0
        ),
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
        courses = dice.choices(COURSES, [course.share for course in COURSES], k=COURSES_A_STEP)
        return [batch for course in courses for batch in self._batches(course, dice)]

    def _batches(self, course: Course, dice: Dice) -> list[Batch]:
        cells = (dice.choice(course.cells),) if course.cells else ()
        rows = [course.make(dice, course.questions, *cells) for _ in range(PARTS * course.rows)]
        examples = sorted(
            (self._encoder.example(lessons, dice) for lessons in rows),
            key=lambda each: len(each.ids),
        )
        return [
            collate(examples[part * course.rows :][: course.rows], self._pad)
            for part in range(PARTS)
        ]


def steps_from(step: int) -> Iterator[int]:
    while True:
        yield step
        step += 1
