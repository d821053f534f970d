"""Norms and products as plain operations on a module's own weights, in the form that is fastest where they lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm
from torch.nn.functional import rms_norm

Operation = Callable[[Tensor], Tensor]
LARGEST_TURNED_BYTES = 64 * 1024**2


def norm(module: Any) -> Operation:
    """An RMSNorm over [..., hidden], without the module around it, which a step would ask for its weight each time."""
    weight, epsilon = module.weight.detach(), module.variance_epsilon
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        return lambda hidden: rms_norm(hidden, weight.shape, weight, epsilon)
    least, share = torch.tensor(epsilon), 1 / len(weight)

    # torch has no kernel for it on a CPU: these few operations do the work of the dozen that it takes instead.
    def normed(hidden: Tensor) -> Tensor:
        size = vector_norm(hidden, dim=-1, keepdim=True)
        return hidden * torch.rsqrt(torch.addcmul(least, size, size, value=share)) * weight

    return normed


def product(module: Any) -> Operation:
    """A plain Linear as one operation on [tokens, inputs]; another one, a quantised one say, as it is."""
    if type(module) is not nn.Linear:
        return module
    turned = _turned(module.weight)
    module.weight = _kept(turned.t())
    return _multiply(turned, module.bias)


def side_by_side(modules: Sequence[Any]) -> Operation:
    """Several products of the same input as one. Plain ones keep parts of its weight: it is there once."""
    if any(type(module) is not nn.Linear or module.bias is None for module in modules):
        return lambda hidden: torch.cat([module(hidden) for module in modules], -1)
    turned = _turned(torch.cat([module.weight for module in modules]))
    bias = torch.cat([module.bias for module in modules])
    sizes = [module.out_features for module in modules]
    for module, weight, part in zip(
        modules, turned.t().split(sizes), bias.split(sizes), strict=True
    ):
        module.weight, module.bias = _kept(weight), _kept(part)
    return _multiply(turned, bias)


def _turned(weight: Tensor) -> Tensor:
    """[inputs, outputs] of a weight [outputs, inputs]. A CPU multiplies few rows faster if a small one lies like that.

    A large one would be there twice for a moment, and loading would peak far above the weights.
    """
    turned = weight.detach().t()
    return (
        turned.contiguous()
        if weight.device.type == "cpu" and weight.nbytes <= LARGEST_TURNED_BYTES
        else turned
    )


def _kept(part: Tensor) -> nn.Parameter:
    return nn.Parameter(part, requires_grad=False)


def _multiply(turned: Tensor, bias: Tensor | None) -> Operation:
    return (
        (lambda hidden: hidden.mm(turned))
        if bias is None
        else (lambda hidden: torch.addmm(bias, hidden, turned))
    )
