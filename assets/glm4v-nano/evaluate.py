"""Scores a checkpoint on fresh lessons: python evaluate.py [--model DIR] [--count 40]

Greedy decoding. An answer is right if it names what was drawn; well formed if the text is exactly a thought, an answer
and the end; ended if the model stopped by itself.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import torch
from batches import Encoder
from lessons import Lesson, pages_lesson, picture_lesson, text_lesson, video_lesson
from torch import Tensor
from transformers import AutoProcessor, Glm4vForConditionalGeneration

HERE = Path(__file__).resolve().parent
KINDS: tuple[tuple[str, Callable[[Random], Lesson]], ...] = (
    ("picture", picture_lesson),
    ("pages", pages_lesson),
    ("video", video_lesson),
    ("text", text_lesson),
)
FORM = re.compile(r"<think>[^<]+</think><answer>([^<]+)</answer><\|user\|>", re.DOTALL)
MAX_TOKENS = 200
BATCH = 10


@dataclass(frozen=True, slots=True)
class Score:
    """One lesson's outcome."""

    topic: str
    right: bool
    formed: bool
    ended: bool


def padded(prompts: list[Any], pad: int) -> dict[str, Tensor]:
    """Prompts of one kind as one batch, padded on the left as generate wants it."""
    longest = max(prompt["input_ids"].shape[1] for prompt in prompts)
    fill = {"input_ids": pad, "attention_mask": 0, "mm_token_type_ids": 0}
    batch = {}
    for name in prompts[0]:
        parts = [prompt[name] for prompt in prompts]
        if name in fill:
            pads = [torch.full((1, longest - part.shape[1]), fill[name]) for part in parts]
            parts = [torch.cat([before, part], dim=1) for before, part in zip(pads, parts, strict=True)]
        batch[name] = torch.cat(parts)
    return batch


@torch.inference_mode()
def write(model: Any, encoder: Encoder, tokenizer: Any, lessons: list[Lesson]) -> list[str]:
    """What the model writes for each lesson, control tokens included, padding left out."""
    batch = padded([encoder.prompt(lesson) for lesson in lessons], tokenizer.pad_token_id)
    batch = {name: tensor.to(model.device) for name, tensor in batch.items()}
    output = model.generate(**batch, max_new_tokens=MAX_TOKENS, do_sample=False)
    texts = tokenizer.batch_decode(output[:, batch["input_ids"].shape[1] :], skip_special_tokens=False)
    return [text.replace(tokenizer.pad_token, "") for text in texts]


def score(kind: str, lesson: Lesson, text: str) -> Score:
    match = FORM.fullmatch(text)
    answer = match[1] if match else ""
    right = bool(answer) and all(fact in answer for fact in lesson.facts)
    return Score(f"{kind}: {lesson.topic}", right, match is not None, text.endswith("<|user|>"))


def scores(model: Any, processor: Any, count: int, seed: int, show: bool) -> Iterator[Score]:
    encoder = Encoder(processor)
    for kind, make in KINDS:
        random = Random(f"evaluate {seed} {kind}")
        for _ in range(0, count, BATCH):
            lessons = [make(random) for _ in range(BATCH)]
            for lesson, text in zip(lessons, write(model, encoder, processor.tokenizer, lessons), strict=True):
                result = score(kind, lesson, text)
                if show and not result.right:
                    print(f"{result.topic}: wanted {lesson.thought} {lesson.answer}\n    wrote {text}")
                yield result


def percent(values: list[bool]) -> str:
    return f"{100 * sum(values) / len(values):5.1f} %"


def table(results: list[Score]) -> str:
    groups: dict[str, list[Score]] = defaultdict(list)
    for result in results:
        groups[result.topic].append(result)
        groups[result.topic.split(":")[0]].append(result)
    lines = [f"{'task':24}{'lessons':>8}{'right':>9}{'well formed':>13}{'ended':>9}"]
    for topic in sorted(groups):
        group = groups[topic]
        name = topic if ":" not in topic else f"  {topic.split(': ')[1]}"
        columns = (percent([getattr(result, part) for result in group]) for part in ("right", "formed", "ended"))
        right, formed, ended = columns
        lines.append(f"{name:24}{len(group):8}{right:>9}{formed:>13}{ended:>9}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=HERE)
    parser.add_argument("--count", type=int, default=200, help="lessons of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--show", action="store_true", help="print what went wrong")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    processor = AutoProcessor.from_pretrained(options.model)
    model = Glm4vForConditionalGeneration.from_pretrained(options.model).eval().to(options.device)
    start = monotonic()
    results = list(scores(model, processor, options.count, options.seed, options.show))
    print(table(results))
    print(f"{len(results)} lessons in {monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
