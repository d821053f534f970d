"""The Muon optimizer in single precision, for the matrices of the model.

torch's own Muon computes in bfloat16, which most CPUs emulate. The method and its coefficients are
from Keller Jordan, https://kellerjordan.github.io/posts/muon/ (2024); the scale of an update is
from Liu et al., Muon is Scalable for LLM Training (2025), so that learning rates of AdamW fit.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

MOMENTUM = 0.95
NEWTON_SCHULZ_STEPS = 5
COEFFICIENTS = (3.4445, -4.775, 2.0315)
UPDATE_SCALE = 0.2


class Muon(torch.optim.Optimizer):
    """Optimizer of matrices [out, in] only."""

    def __init__(self, weights: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                momentum.lerp_(weight.grad, 1 - MOMENTUM)
                update = orthogonalize(weight.grad.lerp(momentum, MOMENTUM))
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(update, alpha=-group["lr"] * UPDATE_SCALE * max(weight.shape) ** 0.5)


def orthogonalize(matrix: Tensor) -> Tensor:
    """Return a matrix near `matrix` whose singular values are all about 1.

    A few Newton-Schulz iterations take the place of a singular value decomposition.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x
