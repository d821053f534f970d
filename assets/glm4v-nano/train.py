"""Trains the bundled model on pictures that it draws itself.

    python train.py --minutes 35                     writes the checkpoint beside this file
    python train.py --minutes 0.3 --out DIR --work DIR

Starts from random weights, or goes on from the last state in --work. Two CPU cores are enough: one thread learns and
one process draws. More threads are slower when others use the cores, for they wait for each other at every step.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import torch
from batches import IGNORED, Batch, Steps, steps_from
from checkpoint import WIDTH, build_model, build_processor, save
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from tower import Heads, Pictures
from tqdm import tqdm
from transformers import Glm4vForConditionalGeneration, Glm4vProcessor

HERE = Path(__file__).resolve().parent
SEED = 1
PEAK_RATE, LAST_RATE, WARM_UP_STEPS = 1.2e-3, 2e-5, 40
TOWER_SHARE = 0.33  # of the time is for the vision tower alone
SAVE_EVERY_S = 120.0


@dataclass
class Training:
    """The state of one training; what resumes it lies in `work`."""

    model: Glm4vForConditionalGeneration
    heads: Heads
    processor: Glm4vProcessor
    optimizer: torch.optim.Optimizer
    work: Path
    device: str
    step: int = 0
    tower_steps: int = 0
    elapsed_s: float = 0.0
    losses: list[float] = field(default_factory=list)

    def save(self) -> None:
        """The state for going on, and beside it the checkpoint as it is now."""
        state = {
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "tower_steps": self.tower_steps,
            "elapsed_s": self.elapsed_s,
            "losses": self.losses,
        }
        part = self.work / "state.part"
        torch.save(state, part)
        os.replace(part, self.work / "state.pt")
        save(self.model, self.processor, self.work / "model")

    def resume(self) -> None:
        file = self.work / "state.pt"
        if file.is_file():
            state = torch.load(file, map_location=self.device)
            self.model.load_state_dict(state["model"])
            self.heads.load_state_dict(state["heads"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.tower_steps = state["step"], state["tower_steps"]
            self.elapsed_s, self.losses = state["elapsed_s"], state["losses"]


def start(work: Path, device: str) -> Training:
    torch.manual_seed(SEED)
    processor = build_processor()
    model = build_model(processor.tokenizer)
    nn.Module.to(model, device).train()
    heads = Heads(WIDTH).to(device)
    weights = [*model.parameters(), *heads.parameters()]
    matrices = [weight for weight in weights if weight.ndim > 1]
    vectors = [weight for weight in weights if weight.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.95))
    work.mkdir(parents=True, exist_ok=True)
    training = Training(model, heads, processor, optimizer, work, device)
    training.resume()
    return training


def learning_rate(share: float, steps: int) -> float:
    """A cosine down to the end of the time; `steps` into its part of the training, warmed up."""
    falling = LAST_RATE + (PEAK_RATE - LAST_RATE) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
    return falling * min((steps + 1) / WARM_UP_STEPS, 1.0)


def loss_of(model: Glm4vForConditionalGeneration, batch: Batch) -> torch.Tensor:
    """Mean loss over the tokens to learn; the head sees only those."""
    labels = batch.pop("labels")
    hidden = model.model(**batch, use_cache=False).last_hidden_state
    learned = labels[:, 1:] != IGNORED
    return functional.cross_entropy(model.lm_head(hidden[:, :-1][learned]), labels[:, 1:][learned])


def learn(training: Training, batches: list[Batch], share: float) -> float:
    """One step of the given share of the time; gives its loss."""
    for group in training.optimizer.param_groups:
        group["lr"] = learning_rate(share, training.step - training.tower_steps)
    total = 0.0
    for batch in batches:
        batch = {name: tensor.to(training.device) for name, tensor in batch.items()}
        if "input_ids" in batch:
            loss = loss_of(training.model, batch)
        else:
            seen = training.model.get_image_features(batch["pixel_values"], batch["image_grid_thw"], return_dict=True)
            loss = training.heads.loss(seen.pooler_output, batch)
        (loss / len(batches)).backward()
        total += loss.item() / len(batches)
    torch.nn.utils.clip_grad_norm_(training.model.parameters(), 1.0)
    training.optimizer.step()
    training.optimizer.zero_grad()
    return total


def run(training: Training, minutes: float, workers: int) -> None:
    """Learns until `minutes` of training, those before a resume included, are over: first the tower, then to speak."""
    budget_s = minutes * 60
    with tqdm(total=round(budget_s), initial=round(training.elapsed_s), unit="s") as bar:
        if training.elapsed_s < budget_s * TOWER_SHARE:
            _phase(training, Pictures(training.processor, SEED), TOWER_SHARE, budget_s, workers, bar)
            training.tower_steps, training.losses = training.step, []
            training.save()
        _phase(training, Both(training.processor), 1.0, budget_s, workers, bar)


def _phase(training: Training, data: Dataset, last: float, budget_s: float, workers: int, bar: tqdm) -> None:
    """Learns from `data` until the share `last` of the time."""
    skip = training.step - training.tower_steps
    loader = DataLoader(data, batch_size=None, sampler=_Endless(skip), num_workers=workers, prefetch_factor=4)
    before = saved = monotonic()
    for number, item in enumerate(loader):
        if number == 0:
            before = monotonic()  # the time to start the drawing processes does not count
        share = training.elapsed_s / budget_s
        training.losses.append(learn(training, item if isinstance(item, list) else [item], share))
        training.step += 1
        now = monotonic()
        training.elapsed_s, before = training.elapsed_s + now - before, now
        bar.set_postfix_str(f"step {training.step}, loss {recent(training.losses):.3f}")
        bar.update(round(training.elapsed_s) - bar.n)
        if training.elapsed_s >= budget_s * last:
            break
        if now - saved > SAVE_EVERY_S:
            training.save()
            saved = now


class Both(Dataset[list[Batch]]):
    """Lessons, and beside them pictures for the tower, so that it goes on learning while the model learns to speak."""

    def __init__(self, processor: Glm4vProcessor) -> None:
        self._pictures, self._steps = Pictures(processor, SEED + 1), Steps(processor, SEED)

    def __getitem__(self, step: int) -> list[Batch]:
        return [self._pictures[step], *self._steps[step]]


class _Endless(torch.utils.data.Sampler[int]):
    def __init__(self, step: int) -> None:
        self._step = step

    def __iter__(self) -> Iterator[int]:
        return steps_from(self._step)


def recent(losses: list[float]) -> float:
    return sum(losses[-20:]) / max(len(losses[-20:]), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=35.0, help="how long to train, in all")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the training itself")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw")
    parser.add_argument("--out", type=Path, default=HERE, help="where the finished checkpoint goes")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "glm4v-nano", help="state to resume")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    training = start(options.work, options.device)
    run(training, options.minutes, options.workers)
    training.save()
    save(training.model, training.processor, options.out)
    first, last = training.losses[0], recent(training.losses)
    print(json.dumps({"steps": training.step, "first_loss": round(first, 4), "last_loss": round(last, 4)}))


if __name__ == "__main__":
    main()
