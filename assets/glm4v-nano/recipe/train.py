"""Train the bundled model on pictures that the recipe draws.

    python -m recipe.train --minutes 90                writes the checkpoint beside this package
    python -m recipe.train --steps 20 --out DIR --work DIR

    torchrun --nproc-per-node 2 -m recipe.train ...    the same with two processes

Training starts from random weights or from a finished checkpoint (--weights), and resumes from
the state in --work. Two CPU cores are enough: one trains, the other draws. Two training processes,
each with its own batches, see about half as many examples again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import torch

from recipe.training.cpu_bf16 import compile_bf16
from recipe.training.distributed import DataParallel
from recipe.training.model import save
from recipe.training.state import start_training
from recipe.training.trainer import Budget, train

CHECKPOINT = Path(__file__).resolve().parents[1]
WORK = Path(tempfile.gettempdir()) / "glm4v-nano"


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes", type=float, default=90.0, help="training time, including that before a resume"
    )
    length.add_argument("--steps", type=int, help="number of steps instead of a time")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads that train")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw")
    parser.add_argument("--out", type=Path, default=CHECKPOINT, help="folder of the checkpoint")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of the state to resume")
    parser.add_argument(
        "--bf16", action="store_true", help="bfloat16 matrix products and compiled operations"
    )
    parser.add_argument("--weights", type=Path, help="folder of a checkpoint to start from")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    torch.set_num_threads(options.threads)
    group = DataParallel.from_torchrun()
    training = start_training(options.work, options.device, options.weights, group)
    if options.bf16:
        compile_bf16(training.model)
    budget = Budget(options.steps, "step") if options.steps else Budget(options.minutes * 60)
    train(training, budget, options.workers)
    training.save()
    if group.rank:
        return
    save(training.model, training.processor, options.out)
    report = {
        "steps": training.step,
        "first_loss": round(training.losses[0], 4),
        "last_loss": round(training.recent_loss(), 4),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
