"""The quick way of the recipe's training learns the same as the plain one, but for rounding."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from nano_model import NANO

PROGRAM = """
import json, torch
from recipe import train
from recipe.dialogue import examples
from recipe.training import cpu_bf16, dataset, model as recipe_model
from recipe.rng import Dice

processor = recipe_model.build_processor()
torch.manual_seed(0)
model = recipe_model.build_model(processor.tokenizer)
encoder, dice = dataset.Encoder(processor), Dice("swift")
rows = [examples.scattered_lessons(dice, 2, 16) for _ in range(2)]


def learned():
    model.zero_grad()
    loss = train.loss_of(model, dataset.collate([encoder.example(row, Dice("cut")) for row in rows], 0))
    loss.backward()
    return loss.item(), torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


plain_loss, plain = learned()
cpu_bf16.hasten(model)
swift_loss, quick = learned()
print(json.dumps([plain_loss, swift_loss, len(plain) - len(quick), torch.cosine_similarity(plain, quick, 0).item()]))
"""


@pytest.mark.skipif(not shutil.which("g++"), reason="torch compiles with g++")
def test_the_quick_way_gives_the_same_loss_and_gradient():
    environment = os.environ | {"PYTHONPATH": str(NANO)}
    printed = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True
    ).stdout
    plain_loss, swift_loss, missing, likeness = json.loads(printed)
    assert swift_loss == pytest.approx(plain_loss, rel=0.01)
    assert missing == 0
    assert likeness > 0.99
