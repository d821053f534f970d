"""Batches of examples as tensors: input ids, labels and pixels. Made in worker processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from recipe.dialogue.examples.example import Example
from recipe.dialogue.examples.image import (
    chart_examples,
    headline_examples,
    random_scene_examples,
    scattered_examples,
    shapes_examples,
)
from recipe.dialogue.examples.page import page_examples
from recipe.dialogue.examples.text import (
    arithmetic_examples,
    chitchat_examples,
    description_examples,
)
from recipe.dialogue.examples.video import video_examples
from recipe.rng import Rng

Batch = dict[str, Tensor]
IGNORED = -100  # the label that cross_entropy leaves out


@dataclass(frozen=True, slots=True)
class MixtureEntry:
    """One kind of example in the training mixture.

    A batch has `rows` rows of `questions` questions each; a batch is of this kind with a
    probability in proportion to `weight`. `cells` are the sizes that its pictures may have.
    """

    make: Callable[..., list[Example]]
    rows: int
    questions: int
    weight: float
    cells: tuple[int, ...] = ()


MIXTURE = (
    MixtureEntry(headline_examples, 12, 2, 12, (16, 24, 40)),
    MixtureEntry(headline_examples, 10, 2, 8, (48, 56)),
    MixtureEntry(shapes_examples, 10, 2, 7, (24, 40, 56)),
    MixtureEntry(scattered_examples, 8, 3, 5, (32, 40, 48, 56)),
    MixtureEntry(chart_examples, 8, 3, 2.5, (32, 40, 48)),
    MixtureEntry(random_scene_examples, 6, 2, 1, (40,)),
    MixtureEntry(random_scene_examples, 6, 2, 1, (56,)),
    MixtureEntry(page_examples, 4, 4, 3, (16, 24, 32)),
    MixtureEntry(page_examples, 3, 4, 4, (40, 48, 56)),
    MixtureEntry(video_examples, 4, 3, 1.2),
    MixtureEntry(description_examples, 4, 6, 1),
    MixtureEntry(arithmetic_examples, 4, 6, 2.5),
    MixtureEntry(chitchat_examples, 3, 4, 2.5),
)
ENTRIES_PER_STEP = 2
# Rows of one entry are sorted by length into two batches. In a single batch, a third of the ids
# would be padding.
BATCHES_PER_ENTRY = 2
CUT_FRACTION = 0.1  # of the examples end the thought early, as a thinking budget does
PADDING_MULTIPLE = 16  # ids; torch prepares kernels anew for each length of a batch
MEDIA_END_TOKENS = ("<|end_of_image|>", "<|end_of_video|>")


@dataclass(frozen=True, slots=True)
class EncodedRow:
    """Examples about the same picture, packed into one row of ids.

    The row begins with what the examples share, the picture included, and goes on with the
    question and reply of each. `segments` has 0 for a shared id and n for one of example n, which
    may see the shared ids and its own. `shifts` is how much smaller the position of an id would
    be without the examples between it and the shared ids. `labels` are the ids to learn, or
    IGNORED.
    """

    inputs: dict[str, Tensor]
    ids: list[int]
    labels: list[int]
    segments: list[int]
    shifts: list[int]


class ExampleEncoder:
    """Encoder of examples with the processor of the checkpoint."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor

    def encode_prompt(self, example: Example) -> Any:
        """Return the processor's output for a conversation, ready for `generate`."""
        return self._processor.apply_chat_template(
            example.messages,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            add_generation_prompt=True,
            sanitize_control_tokens=True,
            processor_kwargs=example.processor_arguments,
        )

    def encode_row(self, examples: list[Example], rng: Rng) -> EncodedRow:
        """Encode examples that begin alike and are about the same picture."""
        inputs = self.encode_prompt(examples[0])
        prompt = inputs.pop("input_ids")[0].tolist()
        end_ids = [self._token_id(token) for token in MEDIA_END_TOKENS]
        shared = 0
        for index, token_id in enumerate(prompt):
            if token_id in end_ids:
                shared = index + 1
        ids = prompt[:shared]
        labels, segments, shifts = [IGNORED] * shared, [0] * shared, [0] * shared
        for number, example in enumerate(examples, 1):
            question = self._encode_question(example)
            forced, learned = self._encode_reply(example, rng)
            length = len(question) + len(forced) + len(learned)
            shifts += [len(ids) - shared] * length
            segments += [number] * length
            labels += [IGNORED] * (len(question) + len(forced)) + learned
            ids += question + forced + learned
        token_types = inputs["mm_token_type_ids"][0, :shared].tolist() + [0] * (len(ids) - shared)
        inputs["mm_token_type_ids"] = torch.tensor([token_types])
        return EncodedRow(inputs, ids, labels, segments, shifts)

    def _encode_question(self, example: Example) -> list[int]:
        """Return the ids of the prompt that follow the last picture or video."""
        text = self._processor.apply_chat_template(
            example.messages, tokenize=False, add_generation_prompt=True
        )
        for token in MEDIA_END_TOKENS:
            text = text.rpartition(token)[2]
        return self.encode_text(text)

    def _encode_reply(self, example: Example, rng: Rng) -> tuple[list[int], list[int]]:
        """Return (ids that are given, ids to learn).

        Usually all are to learn. Where the thought is cut, a part of it and the tokens that the
        engine forces at the end of a thinking budget are given, and only the answer is to learn.
        """
        think, end_think, begin_answer, end_answer, end_of_turn = map(
            self._token_id, ("<think>", "</think>", "<answer>", "</answer>", "<|user|>")
        )
        answer = [*self.encode_text(example.reply.answer), end_answer, end_of_turn]
        thought = self.encode_text(example.reply.thought)
        if rng.chance(CUT_FRACTION):
            kept = thought[: rng.randint(0, len(thought)) if rng.chance(0.6) else 0]
            forced = [end_think, *self.encode_text("\n"), begin_answer]
            return [think, *kept, *forced], answer
        return [], [think, *thought, end_think, begin_answer, *answer]

    def encode_text(self, text: str) -> list[int]:
        return self._processor.tokenizer.encode(text, add_special_tokens=False)

    def _token_id(self, token: str) -> int:
        return self._processor.tokenizer.convert_tokens_to_ids(token)


def collate(rows: list[EncodedRow], pad_id: int) -> Batch:
    """Return rows of one kind as one batch, padded on the right; `segments` is -1 there."""
    length = max(len(row.ids) for row in rows)
    length += -length % PADDING_MULTIPLE

    def pad(sequences: list[list[int]], value: int) -> Tensor:
        return torch.tensor([ids + [value] * (length - len(ids)) for ids in sequences])

    batch = {
        "input_ids": pad([row.ids for row in rows], pad_id),
        "attention_mask": pad([[1] * len(row.ids) for row in rows], 0),
        "labels": pad([row.labels for row in rows], IGNORED),
        "segments": pad([row.segments for row in rows], -1),
        "shifts": pad([row.shifts for row in rows], 0),
        "mm_token_type_ids": pad([row.inputs["mm_token_type_ids"][0].tolist() for row in rows], 0),
    }
    for name in ("pixel_values", "image_grid_thw", "pixel_values_videos", "video_grid_thw"):
        if name in rows[0].inputs:
            batch[name] = torch.cat([row.inputs[name] for row in rows])
    return batch


class DialogueBatches(Dataset[list[Batch]]):
    """An endless dataset: item n is the list of batches of step n, the same for the same seed."""

    def __init__(self, processor: Any, seed: int = 0) -> None:
        self._encoder = ExampleEncoder(processor)
        self._pad_id = processor.tokenizer.pad_token_id
        self._seed = seed

    def __getitem__(self, step: int) -> list[Batch]:
        rng = Rng(f"{self._seed} {step}")
        weights = [entry.weight for entry in MIXTURE]
        batches = []
        for entry in rng.choices(MIXTURE, weights, k=ENTRIES_PER_STEP):
            batches += self._make_batches(entry, rng)
        return batches

    def _make_batches(self, entry: MixtureEntry, rng: Rng) -> list[Batch]:
        cells = (rng.choice(entry.cells),) if entry.cells else ()
        groups = [
            entry.make(rng, entry.questions, *cells) for _ in range(BATCHES_PER_ENTRY * entry.rows)
        ]
        rows = [self._encoder.encode_row(examples, rng) for examples in groups]
        rows.sort(key=lambda row: len(row.ids))
        return [
            collate(rows[start : start + entry.rows], self._pad_id)
            for start in range(0, len(rows), entry.rows)
        ]
