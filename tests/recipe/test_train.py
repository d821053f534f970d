"""The training learns, and writes a checkpoint and a state to resume from."""

import json
import subprocess
import sys

import pytest
import torch
from nano_model import NANO
from recipe.dialogue.examples.text import arithmetic_examples
from recipe.rng import Rng
from recipe.training.dataset import ExampleEncoder, collate
from recipe.training.state import start_training
from recipe.training.trainer import Budget, train_step


@pytest.mark.slow
def test_the_command_learns_and_writes_a_checkpoint(tmp_path):
    out, work = tmp_path / "out", tmp_path / "work"
    command = [sys.executable, "-m", "recipe.train", "--steps", "4"]
    command += ["--out", str(out), "--work", str(work)]
    run = subprocess.run(command, cwd=NANO, capture_output=True, text=True, timeout=600, check=True)
    report = json.loads(run.stdout.splitlines()[-1])
    assert report["steps"] == 4
    assert report["last_loss"] < report["first_loss"]
    assert (out / "model.safetensors").is_file()
    resumed = start_training(work, "cpu")
    assert resumed.step == 4
    assert Budget(4, "step").progress(resumed) == 1
    assert not torch.equal(resumed.model.lm_head.weight, start_weights(tmp_path))


def start_weights(tmp_path):
    return start_training(tmp_path / "fresh", "cpu").model.lm_head.weight


def test_steps_on_one_batch_lower_its_loss(tmp_path):
    training = start_training(tmp_path, "cpu")
    encoder, rng = ExampleEncoder(training.processor), Rng("one batch")
    rows = [encoder.encode_row(arithmetic_examples(rng, 4), rng) for _ in range(2)]
    losses = []
    for _ in range(6):
        losses.append(train_step(training, [collate(rows, 0)], rate=1.0)["loss"])
    assert losses[-1] < losses[0] - 1
