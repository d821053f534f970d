"""Trains the bundled model on pictures that it draws itself.

    python -m recipe.train --minutes 90              writes the checkpoint beside this package
    python -m recipe.train --minutes 2 --out DIR --work DIR

    torchrun --nproc-per-node 2 -m recipe.train ...         the same with two learners, each with lessons of its own

Starts from random weights, or goes on from the last state in --work. Two CPU cores are enough: one thread learns and
one process draws; two learners see about half as much again. With --weights it begins with those of a finished
checkpoint.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm
from transformers import Glm4vForConditionalGeneration, Glm4vProcessor

from recipe.training.cpu_bf16 import hasten
from recipe.training.dataset import IGNORED, Batch, Steps, steps_from
from recipe.training.distributed import Learners
from recipe.training.model import WIDTH, build_model, build_processor, save
from recipe.training.muon import Muon
from recipe.training.vision_pretraining import Heads, Pictures

CHECKPOINT = Path(__file__).resolve().parents[1]
SEED = 1
MATRIX_RATE, OTHER_RATE = 2e-3, 1e-3  # at their peak, for Muon and for AdamW
LAST_SHARE, WARM_UP_STEPS = 0.02, 40
FALLING_SHARE = (
    0.3  # of the time, the last, is for the rates to fall: until then training may become longer
)
TOWER_SHARE = 0.33  # of the time is for the vision tower alone
LONGEST_STEP_S = 10.0  # a machine that slept has not trained
SAVE_EVERY_S = 120.0
PICTURE_BATCHES = (
    2  # a step: the tower reads and measures better than it is taught by lessons alone
)


@dataclass
class Training:
    """The state of one training; what resumes it lies in `work`."""

    model: Glm4vForConditionalGeneration
    heads: Heads
    processor: Glm4vProcessor
    optimizers: list[torch.optim.Optimizer]
    work: Path
    device: str
    learners: Learners
    step: int = 0
    tower_steps: int = 0
    elapsed_s: float = 0.0
    losses: list[float] = field(default_factory=list)

    def save(self) -> None:
        """The state for going on, and beside it the checkpoint as it is now. All learners have the same."""
        if self.learners.rank:
            return
        state = {
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
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
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.step, self.tower_steps = state["step"], state["tower_steps"]
            self.elapsed_s, self.losses = state["elapsed_s"], state["losses"]


def start(
    work: Path, device: str, weights: Path | None = None, learners: Learners | None = None
) -> Training:
    """From the last state in `work`; without one from the checkpoint `weights`; without that from random weights."""
    torch.manual_seed(SEED)
    processor = build_processor()
    model = build_model(processor.tokenizer)
    if weights:
        model.load_state_dict(load_file(weights / "model.safetensors"))
    nn.Module.to(model, device).train()
    flatten_patches(model)
    heads = Heads(WIDTH).to(device)
    work.mkdir(parents=True, exist_ok=True)
    training = Training(
        model, heads, processor, optimizers(model, heads), work, device, learners or Learners()
    )
    training.resume()
    return training


def flatten_patches(model: Glm4vForConditionalGeneration) -> None:
    """A patch is one product with a matrix: the same numbers as the convolution gives, three times faster on a CPU."""
    patches = model.model.visual.patch_embed
    patches.forward = lambda pixels: functional.linear(
        pixels, patches.proj.weight.flatten(1), patches.proj.bias
    )


def optimizers(model: nn.Module, heads: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices between layers; AdamW for the rest: embeddings, the output, vectors, the heads."""
    matrices, others = [], list(heads.parameters())
    for name, weight in model.named_parameters():
        inner = weight.ndim == 2 and "embed" not in name and "lm_head" not in name
        (matrices if inner else others).append(weight)
    return [
        Muon(matrices, MATRIX_RATE, weight_decay=0.01),
        torch.optim.AdamW(others, OTHER_RATE, betas=(0.9, 0.95), weight_decay=0.01),
    ]


def rate_share(share: float, steps: int) -> float:
    """Of the peak rate: warmed up over the first `steps` of each part, and falling in a straight line at the end."""
    left = min((1 - share) / FALLING_SHARE, 1.0)
    return max(left, LAST_SHARE) * min((steps + 1) / WARM_UP_STEPS, 1.0)


def loss_of(model: Glm4vForConditionalGeneration, batch: Batch) -> torch.Tensor:
    """Mean loss over the tokens to learn; the head sees only those."""
    labels, lessons, shifts = (batch.pop(name) for name in ("labels", "lessons", "shifts"))
    batch["position_ids"] = places(model, batch) - shifts
    hidden = model.model(
        **batch | {"attention_mask": visible(lessons)}, use_cache=False
    ).last_hidden_state
    learned = labels[:, 1:] != IGNORED
    return functional.cross_entropy(model.lm_head(hidden[:, :-1][learned]), labels[:, 1:][learned])


def places(model: Glm4vForConditionalGeneration, batch: Batch) -> torch.Tensor:
    """[3, rows, tokens]: where each id stands in time, row and column if each row were one conversation."""
    grids = {name: batch[name] for name in ("image_grid_thw", "video_grid_thw") if name in batch}
    if grids:
        asked = {name: batch[name] for name in ("input_ids", "mm_token_type_ids", "attention_mask")}
        return model.model.get_rope_index(**asked, **grids)[0]
    rows, tokens = batch["input_ids"].shape
    return torch.arange(tokens, device=batch["input_ids"].device).expand(3, rows, tokens)


def visible(lessons: torch.Tensor) -> torch.Tensor:
    """[rows, 1, tokens, tokens]: what each id of such a row sees: what is shared, and its own lesson up to itself."""
    one, other = lessons[:, None, :, None], lessons[:, None, None]
    tokens = lessons.shape[1]
    before = torch.ones(tokens, tokens, dtype=torch.bool, device=lessons.device).tril()
    return before & ((one == other) | (other == 0))


def learn(training: Training, batches: list[Batch], share: float) -> dict[str, float]:
    """One step at the given share of the time. What it measured: loss of lessons, loss of pictures, characters read."""
    part = rate_share(share, training.step - training.tower_steps)
    for optimizer, peak in zip(training.optimizers, (MATRIX_RATE, OTHER_RATE), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = peak * part
    found: dict[str, float] = {}
    for batch in batches:
        batch = {name: tensor.to(training.device) for name, tensor in batch.items()}
        if "input_ids" in batch:
            loss = loss_of(training.model, batch)
            found["loss"] = found.get("loss", 0.0) + loss.item() / sum(
                "input_ids" in each for each in batches
            )
        else:
            seen = training.model.get_image_features(
                batch["pixel_values"], batch["image_grid_thw"], return_dict=True
            )
            loss, told = training.heads.loss(torch.cat(tuple(seen.pooler_output)), batch)
            found |= told | {"pictures": loss.item()}
        (loss / len(batches)).backward()
    training.learners.average([*training.model.parameters(), *training.heads.parameters()])
    torch.nn.utils.clip_grad_norm_(training.model.parameters(), 1.0)
    for optimizer in training.optimizers:
        optimizer.step()
        optimizer.zero_grad()
    return found


def run(training: Training, minutes: float, workers: int) -> None:
    """Learns until `minutes` of training, those before a resume included, are over: first the tower, then the whole."""
    budget_s = minutes * 60
    learners = training.learners
    quiet = learners.rank > 0
    with tqdm(
        total=round(budget_s), initial=round(training.elapsed_s), unit="s", disable=quiet
    ) as bar:
        if training.elapsed_s < budget_s * TOWER_SHARE:
            pictures = learners.own(Pictures(training.processor, SEED))
            _phase(training, pictures, TOWER_SHARE, budget_s, workers, bar)
            training.tower_steps, training.losses = training.step, []
            training.save()
        _phase(training, Both(training.processor, learners), 1.0, budget_s, workers, bar)


def _phase(
    training: Training, data: Dataset, last: float, budget_s: float, workers: int, bar: tqdm
) -> None:
    """Learns from `data` until the share `last` of the time."""
    skip = training.step - training.tower_steps
    loader = DataLoader(
        data, batch_size=None, sampler=_Endless(skip), num_workers=workers, prefetch_factor=4
    )
    before = saved = monotonic()
    shown: dict[str, float] = {}
    for number, item in enumerate(loader):
        if number == 0:
            before = monotonic()  # the time to start the drawing processes does not count
        share = training.elapsed_s / budget_s
        found = learn(training, item if isinstance(item, list) else [item], share)
        if "loss" in found or not training.tower_steps:
            training.losses.append(found.get("loss", found.get("pictures", 0.0)))
        training.step += 1
        now = monotonic()
        training.elapsed_s += training.learners.agree(min(now - before, LONGEST_STEP_S))
        before = now
        shown.update(found)
        told = ", ".join(f"{name} {value:.3f}" for name, value in shown.items())
        bar.set_postfix_str(f"step {training.step}, mean {recent(training.losses):.3f}, {told}")
        bar.update(round(training.elapsed_s) - bar.n)
        if training.elapsed_s >= budget_s * last:
            break
        if now - saved > SAVE_EVERY_S:
            training.save()
            saved = now


class Both(Dataset[list[Batch]]):
    """Lessons, and beside them pictures for the tower, so that it goes on learning while the model learns to speak."""

    def __init__(self, processor: Glm4vProcessor, learners: Learners) -> None:
        self._pictures = learners.own(Pictures(processor, SEED + 1, easy_steps=0))
        self._steps = learners.own(Steps(processor, SEED))

    def __getitem__(self, step: int) -> list[Batch]:
        first = PICTURE_BATCHES * step
        return [
            *self._steps[step],
            *(self._pictures[first + number] for number in range(PICTURE_BATCHES)),
        ]


class _Endless(torch.utils.data.Sampler[int]):
    def __init__(self, step: int) -> None:
        self._step = step

    def __iter__(self) -> Iterator[int]:
        return steps_from(self._step)


def recent(losses: list[float]) -> float:
    return sum(losses[-20:]) / max(len(losses[-20:]), 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=90.0, help="how long to train, in all")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the training itself")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw")
    parser.add_argument(
        "--out", type=Path, default=CHECKPOINT, help="where the finished checkpoint goes"
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(tempfile.gettempdir()) / "glm4v-nano",
        help="state to resume",
    )
    parser.add_argument(
        "--swift", action="store_true", help="products in bfloat16, pointwise work compiled"
    )
    parser.add_argument("--weights", type=Path, help="a finished checkpoint to begin with")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    training = start(options.work, options.device, options.weights, Learners.of_torchrun())
    if options.swift:
        hasten(training.model)
    run(training, options.minutes, options.workers)
    training.save()
    if training.learners.rank:
        return
    save(training.model, training.processor, options.out)
    first, last = training.losses[0], recent(training.losses)
    print(
        json.dumps(
            {"steps": training.step, "first_loss": round(first, 4), "last_loss": round(last, 4)}
        )
    )


if __name__ == "__main__":
    main()
