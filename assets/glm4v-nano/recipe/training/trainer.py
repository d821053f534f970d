"""The training loop: the vision encoder alone, then the whole model on dialogue and pictures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic

import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm
from transformers import Glm4vProcessor

from recipe.training.dataset import Batch, DialogueBatches
from recipe.training.distributed import DataParallel
from recipe.training.loss import language_loss
from recipe.training.state import MATRIX_RATE, OTHER_RATE, SEED, Training
from recipe.training.vision_pretraining import VisionBatches

MIN_RATE_FRACTION, WARM_UP_STEPS = 0.02, 40
# The learning rates fall in this last fraction of the training only, so that until then the
# training may still be extended.
DECAY_FRACTION = 0.3
VISION_FRACTION = 0.33  # of the training is for the vision encoder alone
MAX_STEP_S = 10.0  # a longer step means that the machine slept, and counts as this
SAVE_INTERVAL_S = 120.0
# The vision encoder reads and measures better than dialogue alone teaches it.
VISION_BATCHES_PER_STEP = 2


@dataclass(frozen=True, slots=True)
class Budget:
    """The length of a training: `amount` seconds of training time, or `amount` steps."""

    amount: float
    unit: str = "s"

    def spent(self, training: Training) -> float:
        return training.elapsed_s if self.unit == "s" else training.step

    def progress(self, training: Training) -> float:
        """Return the fraction of the budget that is spent."""
        return self.spent(training) / self.amount

    def phase_steps(self, training: Training, end: float) -> Iterable[int]:
        """Return the numbers of the steps of this phase until `end`, a fraction of the budget.

        They have no end in a budget of time. In one of steps they do, so that worker processes
        draw nothing that is not used.
        """
        first = training.step - training.vision_steps
        if self.unit == "s":
            return itertools.count(first)
        return range(first, math.ceil(self.amount * end) - training.vision_steps)

    @property
    def warm_up_steps(self) -> int:
        """The steps over which the learning rates rise, a tenth of a short training."""
        if self.unit == "s":
            return WARM_UP_STEPS
        return min(WARM_UP_STEPS, math.ceil(self.amount / 10))


def rate_fraction(progress: float, phase_step: int, warm_up_steps: int) -> float:
    """Return the learning rate as a fraction of its peak.

    It rises over the first steps of each phase and falls linearly at the end of the training.
    """
    decay = min((1 - progress) / DECAY_FRACTION, 1.0)
    return max(decay, MIN_RATE_FRACTION) * min((phase_step + 1) / warm_up_steps, 1.0)


def train_step(training: Training, batches: list[Batch], rate: float) -> dict[str, float]:
    """Do one optimizer step at the fraction `rate` of the peak learning rates.

    Return what it measured: the mean loss of the dialogue batches ("loss"), the loss of the last
    vision batch ("vision") and the measurements of the auxiliary heads.
    """
    for optimizer, peak in zip(training.optimizers, (MATRIX_RATE, OTHER_RATE), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = peak * rate
    measured: dict[str, float] = {}
    dialogue_losses = []
    for batch in batches:
        batch = {name: tensor.to(training.device) for name, tensor in batch.items()}
        if "input_ids" in batch:
            loss = language_loss(training.model, batch)
            dialogue_losses.append(loss.item())
        else:
            loss, heads_measured = vision_loss(training, batch)
            measured |= heads_measured | {"vision": loss.item()}
        (loss / len(batches)).backward()
    if dialogue_losses:
        measured["loss"] = sum(dialogue_losses) / len(dialogue_losses)
    training.group.average_gradients([*training.model.parameters(), *training.heads.parameters()])
    torch.nn.utils.clip_grad_norm_(training.model.parameters(), 1.0)
    for optimizer in training.optimizers:
        optimizer.step()
        optimizer.zero_grad()
    return measured


def vision_loss(training: Training, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
    features = training.model.get_image_features(
        batch["pixel_values"], batch["image_grid_thw"], return_dict=True
    )
    return training.heads.loss(torch.cat(tuple(features.pooler_output)), batch)


def train(training: Training, budget: Budget, workers: int) -> None:
    """Train until `budget` is spent, what was spent before a resume included.

    `workers` processes draw the batches; with 0, this process does.
    """
    group = training.group
    with tqdm(
        total=round(budget.amount),
        initial=round(budget.spent(training)),
        unit=budget.unit,
        disable=group.rank > 0,
    ) as bar:
        if budget.progress(training) < VISION_FRACTION:
            pictures = group.shard(VisionBatches(training.processor, SEED))
            _train_phase(training, pictures, VISION_FRACTION, budget, workers, bar)
            training.vision_steps, training.losses = training.step, []
            training.save()
        data = JointBatches(training.processor, group)
        _train_phase(training, data, 1.0, budget, workers, bar)


def _train_phase(
    training: Training,
    data: Dataset,
    end: float,
    budget: Budget,
    workers: int,
    bar: tqdm,
) -> None:
    """Train with `data` until the fraction `end` of the budget is spent."""
    loader = DataLoader(
        data,
        batch_size=None,
        sampler=budget.phase_steps(training, end),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    step_start = last_save = monotonic()
    shown: dict[str, float] = {}
    for index, item in enumerate(loader):
        if index == 0:
            step_start = monotonic()  # the start of the worker processes does not count
        batches = item if isinstance(item, list) else [item]
        phase_step = training.step - training.vision_steps
        rate = rate_fraction(budget.progress(training), phase_step, budget.warm_up_steps)
        measured = train_step(training, batches, rate)
        if "loss" in measured or not training.vision_steps:
            training.losses.append(measured.get("loss", measured.get("vision", 0.0)))
        training.step += 1
        now = monotonic()
        # All processes must agree on the time, so that they stop at the same step.
        training.elapsed_s += training.group.mean(min(now - step_start, MAX_STEP_S))
        step_start = now
        shown.update(measured)
        values = ", ".join(f"{name} {value:.3f}" for name, value in shown.items())
        bar.set_postfix_str(f"step {training.step}, mean {training.recent_loss():.3f}, {values}")
        bar.update(round(budget.spent(training)) - bar.n)
        if budget.progress(training) >= end:
            break
        if now - last_save > SAVE_INTERVAL_S:
            training.save()
            last_save = now


class JointBatches(Dataset[list[Batch]]):
    """Batches of dialogue and of labelled pictures, so that the encoder goes on learning."""

    def __init__(self, processor: Glm4vProcessor, group: DataParallel) -> None:
        self._vision = group.shard(VisionBatches(processor, SEED + 1, curriculum_steps=0))
        self._dialogue = group.shard(DialogueBatches(processor, SEED))

    def __getitem__(self, step: int) -> list[Batch]:
        first = VISION_BATCHES_PER_STEP * step
        vision = [self._vision[first + index] for index in range(VISION_BATCHES_PER_STEP)]
        return [*self._dialogue[step], *vision]
