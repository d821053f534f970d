"""Norms, products and the rotation give what transformers' own modules give, in each precision that weights have."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from transformers.models.glm4v.modeling_glm4v import (
    Glm4vRMSNorm,
    Glm4vTextRotaryEmbedding,
    apply_rotary_pos_emb,
)

from webui.engine.models.glm4v.rope import MRotaryEmbedding
from webui.engine.models.layers import fused_linear, linear, rms_norm

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
HEADS, HEAD_DIM = 3, 16


@pytest.fixture(autouse=True)
def same_numbers():
    torch.manual_seed(0)


def linear_module(inputs: int, outputs: int, dtype: torch.dtype, bias: bool) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=bias).to(dtype).requires_grad_(False)


def about_equal(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Up to how their precision rounds; single precision more strictly than torch's own bound."""
    assert ours.dtype == theirs.dtype
    bound = 1e-6 if ours.dtype == torch.float32 else 4 * torch.finfo(ours.dtype).eps
    assert_close(ours, theirs, rtol=bound, atol=bound)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1e-3, 1.0, 100.0])
def test_a_norm_is_that_of_the_module(dtype, size):
    module = Glm4vRMSNorm(24, eps=1e-5).to(dtype).requires_grad_(False)
    nn.init.normal_(module.weight, 1.0, 0.2)
    hidden = (size * torch.randn(5, 24)).to(dtype)
    about_equal(rms_norm(module)(hidden), module(hidden))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bias", [True, False])
def test_a_product_is_that_of_the_module_and_leaves_it_whole(dtype, bias):
    module = linear_module(24, 7, dtype, bias)
    hidden = torch.randn(5, 24).to(dtype)
    before = module(hidden)
    about_equal(linear(module)(hidden), before)
    about_equal(module(hidden), before)


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_side_by_side_share_their_weights_with_the_modules(dtype):
    modules = [linear_module(24, outputs, dtype, bias=True) for outputs in (12, 4, 4)]
    hidden = torch.randn(5, 24).to(dtype)
    before = [module(hidden) for module in modules]
    together = fused_linear(modules)(hidden)
    for module, ours, theirs in zip(modules, together.split([12, 4, 4], -1), before, strict=True):
        about_equal(ours, theirs)
        about_equal(module(hidden), theirs)
    assert len({module.weight.untyped_storage().data_ptr() for module in modules}) == 1


@pytest.mark.parametrize("partial", [1.0, 0.5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_heads_turn_as_in_transformers(dtype, partial):
    sections = [4, 2, 2] if partial == 1.0 else [2, 1, 1]
    config = SimpleNamespace(
        max_position_embeddings=512,
        hidden_size=HEADS * HEAD_DIM,
        num_attention_heads=HEADS,
        head_dim=HEAD_DIM,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 1000.0,
            "partial_rotary_factor": partial,
            "mrope_section": sections,
        },
        standardize_rope_params=lambda: None,
    )
    rotary = Glm4vTextRotaryEmbedding(config)
    positions, heads = torch.randint(0, 300, (3, 6)), torch.randn(6, HEADS, HEAD_DIM).to(dtype)
    cos, sin = rotary(heads, positions[:, None])
    theirs, _ = apply_rotary_pos_emb(heads[None], heads[None], cos, sin, unsqueeze_dim=2)
    ours = MRotaryEmbedding(rotary, HEAD_DIM).rotation(positions, dtype)(heads)
    # Each of two products and their sum is rounded: near zero by up to the size of the parts.
    bound = 1e-5 if dtype == torch.float32 else 8 * torch.finfo(dtype).eps
    assert_close(ours, theirs[0], rtol=bound, atol=bound)
