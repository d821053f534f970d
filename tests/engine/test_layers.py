"""Norms and linear layers equal the modules of transformers and torch, in each precision."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from transformers.models.glm4v.modeling_glm4v import Glm4vRMSNorm

from webui.engine.models.layers import fused_linear, linear, rms_norm

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


def linear_module(inputs: int, outputs: int, dtype: torch.dtype, bias: bool) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=bias).to(dtype).requires_grad_(False)


def assert_about_equal(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Compare up to rounding, in single precision more strictly than torch does by default."""
    assert ours.dtype == theirs.dtype
    bound = 1e-6 if ours.dtype == torch.float32 else 4 * torch.finfo(ours.dtype).eps
    assert_close(ours, theirs, rtol=bound, atol=bound)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1e-3, 1.0, 100.0])
def test_rms_norm_equals_the_module(dtype, size):
    module = Glm4vRMSNorm(24, eps=1e-5).to(dtype).requires_grad_(False)
    nn.init.normal_(module.weight, 1.0, 0.2)
    hidden = (size * torch.randn(5, 24)).to(dtype)
    assert_about_equal(rms_norm(module)(hidden), module(hidden))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bias", [True, False])
def test_linear_equals_the_module_and_leaves_it_working(dtype, bias):
    module = linear_module(24, 7, dtype, bias)
    hidden = torch.randn(5, 24).to(dtype)
    before = module(hidden)
    assert_about_equal(linear(module)(hidden), before)
    assert_about_equal(module(hidden), before)


@pytest.mark.parametrize("dtype", DTYPES)
def test_fused_linear_shares_its_weights_with_the_modules(dtype):
    modules = [linear_module(24, outputs, dtype, bias=True) for outputs in (12, 4, 4)]
    hidden = torch.randn(5, 24).to(dtype)
    before = [module(hidden) for module in modules]
    fused = fused_linear(modules)(hidden)
    for module, ours, theirs in zip(modules, fused.split([12, 4, 4], -1), before, strict=True):
        assert_about_equal(ours, theirs)
        assert_about_equal(module(hidden), theirs)
    assert len({module.weight.untyped_storage().data_ptr() for module in modules}) == 1
