"""RMSNorm and Linear layers as plain functions over a module's own weights.

A forward pass calls each of them hundreds of times. A closure over the weight skips the attribute
look-ups and hooks of torch.nn.Module.__call__, and can keep the weight in the layout that is
fastest on its device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm
from torch.nn import functional

Operation = Callable[[Tensor], Tensor]
# Larger weights stay as they are: a transposed copy exists beside the original for a moment, so
# that loading would peak far above the size of the weights.
MAX_TRANSPOSED_BYTES = 64 * 1024**2


def rms_norm(module: Any) -> Operation:
    """Return RMSNorm over the last axis (arXiv:1910.07467) with the weight of `module`.

    Equal to transformers' LlamaRMSNorm, and those like it, up to rounding.
    """
    weight, epsilon = module.weight.detach(), module.variance_epsilon
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        return lambda hidden: functional.rms_norm(hidden, weight.shape, weight, epsilon)
    offset, scale = torch.tensor(epsilon, device=weight.device), 1 / len(weight)

    # torch has no fused RMSNorm kernel for CPUs and runs about a dozen small operations instead.
    # These five give the same: mean(x^2) is the squared vector norm divided by the length.
    def normalize(hidden: Tensor) -> Tensor:
        norm = vector_norm(hidden, dim=-1, keepdim=True)
        return hidden * torch.rsqrt(torch.addcmul(offset, norm, norm, value=scale)) * weight

    return normalize


def linear(module: Any) -> Operation:
    """Return a plain nn.Linear as one function of [tokens, inputs]; `module` keeps working.

    Other modules, such as quantized layers of bitsandbytes, are returned unchanged.
    """
    if type(module) is not nn.Linear:
        return module
    transposed = _transpose(module.weight)
    module.weight = _frozen(transposed.t())
    return _matmul(transposed, module.bias)


def fused_linear(modules: Sequence[Any]) -> Operation:
    """Return several Linear layers of the same input as one; outputs are concatenated.

    The modules keep working: their weights become views of the fused weight, so that no weight is
    in memory twice. Layers that are not plain, or have no bias, are called one after another.
    """
    if any(type(module) is not nn.Linear or module.bias is None for module in modules):
        return lambda hidden: torch.cat([module(hidden) for module in modules], -1)
    transposed = _transpose(torch.cat([module.weight for module in modules]))
    bias = torch.cat([module.bias for module in modules])
    sizes = [module.out_features for module in modules]
    weights, biases = transposed.t().split(sizes), bias.split(sizes)
    for module, weight_view, bias_view in zip(modules, weights, biases, strict=True):
        module.weight, module.bias = _frozen(weight_view), _frozen(bias_view)
    return _matmul(transposed, bias)


def _transpose(weight: Tensor) -> Tensor:
    """Return a weight [outputs, inputs] as [inputs, outputs].

    On a CPU a small weight is copied into that layout, in which multiplying a few rows is faster.
    """
    transposed = weight.detach().t()
    if weight.device.type == "cpu" and weight.nbytes <= MAX_TRANSPOSED_BYTES:
        return transposed.contiguous()
    return transposed


def _frozen(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor, requires_grad=False)


def _matmul(transposed: Tensor, bias: Tensor | None) -> Operation:
    if bias is None:
        return lambda hidden: hidden.mm(transposed)
    return lambda hidden: torch.addmm(bias, hidden, transposed)
