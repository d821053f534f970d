"""Faster training on a CPU that multiplies bfloat16 in tiles (AMX).

Matrix products round their factors to bfloat16 and accumulate in float32; pointwise operations
are compiled into one pass, which needs a C++ compiler. Weights and all else stay in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.glm4v import modeling_glm4v as glm4v

MATMUL = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]


def compile_bf16(model: glm4v.Glm4vForConditionalGeneration) -> None:
    """Replace the linear layers, norms, MLPs and rotary embeddings of `model`.

    Attention keeps its products in float32: they are small, and slower in bfloat16. The rotary
    embeddings are module-level functions of transformers, so every Glm4v model of the process
    uses the compiled ones.
    """
    norm, gate = torch.compile(rms_norm, dynamic=True), torch.compile(silu_gate, dynamic=True)
    for module in model.model.modules():
        if isinstance(module, nn.Linear):
            replace_forward(module, bf16_linear(module))
        elif isinstance(module, glm4v.Glm4vRMSNorm):
            replace_forward(module, bind_norm(norm, module))
        elif isinstance(module, glm4v.Glm4vTextMLP):
            replace_forward(module, bind_text_mlp(gate, module))
        elif isinstance(module, glm4v.Glm4VisionMlp):
            replace_forward(module, bind_vision_mlp(gate, module))
    for name in ("apply_rotary_pos_emb", "apply_rotary_pos_emb_vision"):
        setattr(glm4v, name, torch.compile(getattr(glm4v, name), dynamic=True))


def replace_forward(module: Any, forward: Callable[[Tensor], Tensor]) -> None:
    module.forward = forward


class Bf16Linear(torch.autograd.Function):
    """A linear layer whose three products, one forward and two backward, are in bfloat16."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.has_bias = bias is not None
        outputs = bf16_product(inputs.flatten(0, -2), weight.T)
        if bias is not None:
            outputs += bias
        return outputs.view(*inputs.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        inputs, weight = ctx.saved_tensors
        rows = gradients[0].flatten(0, -2)
        input_gradient = bf16_product(rows, weight).view(inputs.shape)
        weight_gradient = bf16_product(rows.T, inputs.flatten(0, -2))
        return input_gradient, weight_gradient, rows.sum(0) if ctx.has_bias else None


def bf16_product(left: Tensor, right: Tensor) -> Tensor:
    """Multiply two float32 matrices with bfloat16 factors."""
    MATMUL.fp32_precision = "bf16"
    try:
        return left @ right
    finally:
        MATMUL.fp32_precision = "ieee"


def bf16_linear(linear: nn.Linear) -> Callable[[Tensor], Tensor]:
    return lambda inputs: Bf16Linear.apply(inputs, linear.weight, linear.bias)


def rms_norm(inputs: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    return weight * (inputs * torch.rsqrt(inputs.pow(2).mean(-1, keepdim=True) + epsilon))


def bind_norm(
    norm: Callable[..., Tensor], module: glm4v.Glm4vRMSNorm
) -> Callable[[Tensor], Tensor]:
    return lambda inputs: norm(inputs, module.weight, module.variance_epsilon)


def silu_gate(gates: Tensor, values: Tensor) -> Tensor:
    return functional.silu(gates) * values


def bind_text_mlp(
    gate: Callable[..., Tensor], mlp: glm4v.Glm4vTextMLP
) -> Callable[[Tensor], Tensor]:
    return lambda inputs: mlp.down_proj(gate(*mlp.gate_up_proj(inputs).chunk(2, dim=-1)))


def bind_vision_mlp(
    gate: Callable[..., Tensor], mlp: glm4v.Glm4VisionMlp
) -> Callable[[Tensor], Tensor]:
    return lambda inputs: mlp.down_proj(gate(mlp.gate_proj(inputs), mlp.up_proj(inputs)))
