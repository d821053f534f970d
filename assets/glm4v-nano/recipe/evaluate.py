"""Score a checkpoint: python -m recipe.evaluate [--model DIR] [--count 200]

Every example is new to the model: seeds, shades, phrasings and, for half of the texts, a font
that training does not use. Decoding is greedy. An answer counts only in its format: a thought, an
answer and the end of the turn, without a stray tag.
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

from recipe.dialogue.examples.example import Example
from recipe.metrics import TASKS, Task, extract_answer
from recipe.rng import Rng
from recipe.training.dataset import ExampleEncoder

CHECKPOINT = Path(__file__).resolve().parents[1]
MAX_NEW_TOKENS = 200
BATCH_SIZE = 10


def pad_left(prompts: list[Any], pad_id: int) -> dict[str, Tensor]:
    """Return prompts of one kind as one batch, padded on the left for `generate`."""
    length = max(prompt["input_ids"].shape[1] for prompt in prompts)
    padding = {"input_ids": pad_id, "attention_mask": 0, "mm_token_type_ids": 0}
    batch = {}
    for name in prompts[0]:
        tensors = [prompt[name] for prompt in prompts]
        if name in padding:
            tensors = [
                torch.nn.functional.pad(tensor, (length - tensor.shape[1], 0), value=padding[name])
                for tensor in tensors
            ]
        batch[name] = torch.cat(tensors)
    return batch


class Evaluator:
    """Evaluation of one model; `well_formed` says of each answer whether it was in its format."""

    def __init__(self, model: Any, processor: Any, seed: int, show: bool) -> None:
        self._model, self._tokenizer = model, processor.tokenizer
        self._encoder = ExampleEncoder(processor)
        self._seed, self._show = seed, show
        self.well_formed: list[bool] = []

    def run_task(self, task: Task, count: int) -> float:
        """Return the mean score of `count` examples."""
        rng = Rng(f"evaluate {self._seed} {task.name}", held_out=True)
        scores = []
        for start in range(0, count, BATCH_SIZE):
            examples = [task.make_example(rng) for _ in range(min(BATCH_SIZE, count - start))]
            for example, text in zip(examples, self._generate(examples), strict=True):
                scores.append(task.score(example, text))
                self.well_formed.append(bool(extract_answer(text)))
                if self._show and scores[-1] < 1:
                    print_failure(task, example, text)
        return sum(scores) / len(scores)

    @torch.inference_mode()
    def _generate(self, examples: list[Example]) -> list[str]:
        """Return the model's output for each example, with control tokens, without padding."""
        prompts = [self._encoder.encode_prompt(example) for example in examples]
        batch = pad_left(prompts, self._tokenizer.pad_token_id)
        batch = {name: tensor.to(self._model.device) for name, tensor in batch.items()}
        output = self._model.generate(**batch, max_new_tokens=MAX_NEW_TOKENS, do_sample=False)
        prompt_length = batch["input_ids"].shape[1]
        texts = self._tokenizer.batch_decode(output[:, prompt_length:], skip_special_tokens=False)
        return [text.replace(self._tokenizer.pad_token, "") for text in texts]


def print_failure(task: Task, example: Example, text: str) -> None:
    content = example.messages[-1]["content"]
    question = content if isinstance(content, str) else content[-1]["text"]
    print(f"{task.name}: {question}")
    print(f"    expected: {example.reply.thought} {example.reply.answer}")
    print(f"    output:   {text}")


def table_row(task: Task, score: float, score_before: float) -> str:
    goal = score_before + task.goal if task.goal < 0 else task.goal
    if not goal:
        return f"{task.name:34}{score:>8.1%}"
    verdict = "reached" if score >= goal else "not reached"
    return f"{task.name:34}{score:>8.1%}{goal:>8.1%}  {verdict}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=CHECKPOINT, help="folder of the checkpoint")
    parser.add_argument("--count", type=int, default=200, help="examples of each task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--show", action="store_true", help="print the answers that are wrong")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    processor = AutoProcessor.from_pretrained(options.model)
    model = Glm4vForConditionalGeneration.from_pretrained(options.model).eval().to(options.device)
    start, score_before, rows = monotonic(), 0.0, []
    evaluator = Evaluator(model, processor, options.seed, options.show)
    for task in tqdm(TASKS):
        score = evaluator.run_task(task, options.count)
        rows.append(table_row(task, score, score_before))
        score_before = score
    print(f"{'task':34}{'score':>8}{'goal':>8}", *rows, sep="\n")
    formed, total = sum(evaluator.well_formed), len(evaluator.well_formed)
    print(f"{formed} of {total} answers in their format, without a stray tag, and ended")
    print(f"{options.count} examples a task, {date.today()}, {monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
