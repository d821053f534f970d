"""bfloat16 products and compiled operations learn the same, except for rounding."""

import shutil

import pytest
import torch
from recipe.dialogue.examples.image import scattered_examples
from recipe.rng import Rng
from recipe.training.cpu_bf16 import compile_bf16
from recipe.training.dataset import ExampleEncoder, collate
from recipe.training.loss import language_loss
from transformers.models.glm4v import modeling_glm4v as glm4v


@pytest.fixture
def restored_rotary(monkeypatch):
    """`compile_bf16` replaces functions of transformers, which other tests use too."""
    for name in ("apply_rotary_pos_emb", "apply_rotary_pos_emb_vision"):
        monkeypatch.setattr(glm4v, name, getattr(glm4v, name))


def loss_and_gradient(model, rows):
    model.zero_grad()
    loss = language_loss(model, collate(rows, 0))
    loss.backward()
    gradients = [weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]
    return loss.item(), torch.cat(gradients)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="torch compiles with g++")
@pytest.mark.filterwarnings("ignore")  # torch's compiler warns about itself
def test_bf16_gives_the_same_loss_and_gradient(restored_rotary, random_model, recipe_processor):
    encoder, rng = ExampleEncoder(recipe_processor), Rng("bf16")
    rows = [encoder.encode_row(scattered_examples(rng, 2, 16), rng) for _ in range(2)]
    plain_loss, plain_gradient = loss_and_gradient(random_model, rows)
    compile_bf16(random_model)
    loss, gradient = loss_and_gradient(random_model, rows)
    assert loss == pytest.approx(plain_loss, rel=0.01)
    assert len(gradient) == len(plain_gradient)
    assert torch.cosine_similarity(plain_gradient, gradient, 0) > 0.99
    assert not torch.equal(plain_gradient, gradient)
