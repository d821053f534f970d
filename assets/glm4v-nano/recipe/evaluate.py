"""Scores a checkpoint: python -m recipe.evaluate [--model DIR] [--count 200]

Every lesson is new: seeds, shades, phrasings and in half of the pictures a font that training never used. Greedy
decoding. An answer counts only in its form: a thought, an answer, the end, and no stray tag.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm
from transformers import AutoProcessor, Glm4vForConditionalGeneration

from recipe.dialogue.examples import Lesson
from recipe.metrics import TASKS, Task, answer_of
from recipe.rng import Dice
from recipe.training.dataset import Encoder

CHECKPOINT = Path(__file__).resolve().parents[1]
MAX_TOKENS = 200
BATCH = 10


def padded(prompts: list[Any], pad: int) -> dict[str, Tensor]:
    """Prompts of one kind as one batch, padded on the left as generate wants it."""
    longest = max(prompt["input_ids"].shape[1] for prompt in prompts)
    fill = {"input_ids": pad, "attention_mask": 0, "mm_token_type_ids": 0}
    batch = {}
    for name in prompts[0]:
        parts = [prompt[name] for prompt in prompts]
        if name in fill:
            pads = [torch.full((1, longest - part.shape[1]), fill[name]) for part in parts]
            parts = [
                torch.cat([before, part], dim=1) for before, part in zip(pads, parts, strict=True)
            ]
        batch[name] = torch.cat(parts)
    return batch


@torch.inference_mode()
def write(model: Any, encoder: Encoder, tokenizer: Any, lessons: list[Lesson]) -> list[str]:
    """What the model writes for each lesson, control tokens included, padding left out."""
    batch = padded([encoder.prompt(lesson) for lesson in lessons], tokenizer.pad_token_id)
    batch = {name: tensor.to(model.device) for name, tensor in batch.items()}
    output = model.generate(**batch, max_new_tokens=MAX_TOKENS, do_sample=False)
    texts = tokenizer.batch_decode(
        output[:, batch["input_ids"].shape[1] :], skip_special_tokens=False
    )
    return [text.replace(tokenizer.pad_token, "") for text in texts]


class Examination:
    """Puts the tasks to one model and remembers the marks."""

    def __init__(self, model: Any, processor: Any, seed: int, show: bool) -> None:
        self._model, self._tokenizer, self._encoder = model, processor.tokenizer, Encoder(processor)
        self._seed, self._show = seed, show
        self.formed: list[bool] = []

    def score(self, task: Task, count: int) -> float:
        """The mean mark of `count` lessons."""
        dice, marks = Dice(f"evaluate {self._seed} {task.name}", fresh=True), []
        for start in range(0, count, BATCH):
            lessons = [task.make(dice) for _ in range(min(BATCH, count - start))]
            texts = write(self._model, self._encoder, self._tokenizer, lessons)
            for lesson, text in zip(lessons, texts, strict=True):
                marks.append(task.mark(lesson, text))
                self.formed.append(bool(answer_of(text)))
                if self._show and marks[-1] < 1:
                    print(
                        f"{task.name}: {asked(lesson)}\n    {lesson.reply.thought} {lesson.reply.answer}\n    {text}"
                    )
        return sum(marks) / len(marks)


def asked(lesson: Lesson) -> str:
    content = lesson.messages[-1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


def line(task: Task, score: float, above: float) -> str:
    goal = above + task.goal if task.goal < 0 else task.goal
    verdict = "" if not goal else "reached" if score >= goal else "not reached"
    wanted = f"{goal:.1%}" if goal else ""
    return f"{task.name:34}{score:>8.1%}{wanted:>8}  {verdict}".rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=CHECKPOINT)
    parser.add_argument("--count", type=int, default=200, help="lessons of each task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--show", action="store_true", help="print what went wrong")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    processor = AutoProcessor.from_pretrained(options.model)
    model = Glm4vForConditionalGeneration.from_pretrained(options.model).eval().to(options.device)
    start, above = monotonic(), 0.0
    examination, lines = Examination(model, processor, options.seed, options.show), []
    for task in tqdm(TASKS):
        score = examination.score(task, options.count)
        lines.append(line(task, score, above))
        above = score
    formed = sum(examination.formed)
    print(f"{'task':34}{'score':>8}{'goal':>8}", *lines, sep="\n")
    print(
        f"{formed} of {len(examination.formed)} answers in their form, without a stray tag, and ended"
    )
    print(f"{options.count} lessons a task, {date.today()}, {monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
