"""Lessons as tensors: what the model reads, and which of its tokens are to be learned. Made in worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from lessons import Lesson, pages_lesson, picture_lesson, text_lesson, video_lesson
from torch import Tensor
from torch.utils.data import Dataset

Batch = dict[str, Tensor]
IGNORED = -100
# How many lessons of a kind make one batch, so that all kinds cost about the same.
SIZES: dict[Callable[[Random], Lesson], int] = {picture_lesson: 10, pages_lesson: 6, video_lesson: 8, text_lesson: 6}
# Besides pictures, which come in every step.
COMPANY = (pages_lesson, video_lesson, pages_lesson, video_lesson, pages_lesson, text_lesson)
FIRST_STEPS = 100  # pictures and talk alone, until colours and shapes have names
CUT_SHARE = 0.12  # of the lessons end the thought early, as a thinking budget does


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

    def example(self, lesson: Lesson, random: Random) -> Example:
        inputs = self.prompt(lesson)
        prompt = inputs.pop("input_ids")[0].tolist()
        given, learned = self._target(lesson, random)
        ids = prompt + given + learned
        return Example(inputs, ids, [IGNORED] * (len(prompt) + len(given)) + learned)

    def _target(self, lesson: Lesson, random: Random) -> tuple[list[int], list[int]]:
        """(Ids put into the model's mouth, ids to learn): now and then the thought is cut where it stands."""
        answer = self.spell(lesson.answer) + self._mark("</answer>") + self._mark("<|user|>")
        thought = self.spell(lesson.thought)
        if random.random() < CUT_SHARE:
            kept = thought[: random.randint(0, len(thought)) if random.random() < 0.6 else 0]
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
        random = Random(f"{self._seed} {step}")
        company = text_lesson if step < FIRST_STEPS else COMPANY[step % len(COMPANY)]
        kinds = (picture_lesson, company) if step >= FIRST_STEPS or step % 4 == 0 else (picture_lesson,)
        return [self._batch(kind, random) for kind in kinds]

    def _batch(self, kind: Callable[[Random], Lesson], random: Random) -> Batch:
        examples = [self._encoder.example(kind(random), random) for _ in range(SIZES[kind])]
        return collate(examples, self._pad)


def steps_from(step: int) -> Iterator[int]:
    while True:
        yield step
        step += 1
