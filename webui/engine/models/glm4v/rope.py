"""Rotation: Glm4v's rope. Neighbouring numbers of a head turn together, by their place in time, row or column."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from webui.engine.models.layers import Operation


class Rotation:
    """Of one checkpoint; `rotary` is its Glm4vTextRotaryEmbedding. What of a head is left over stands still."""

    def __init__(self, rotary: Any, head_dim: int) -> None:
        device, pairs = rotary.inv_freq.device, head_dim // 2
        still = pairs - len(rotary.inv_freq)
        axes = [index % 3 for index, size in enumerate(rotary.mrope_section) for _ in range(size)]
        self._axes = torch.tensor(axes + [0] * still, device=device)
        self._frequencies = pad(rotary.inv_freq.float(), (0, still))
        self._sizes = torch.tensor(
            [rotary.attention_scaling] * (pairs - still) + [1.0] * still, device=device
        )
        self._signs = torch.tensor([-1.0, 1.0], device=device).repeat(pairs)
        self._partners = torch.arange(head_dim, device=device) ^ 1

    def at(self, positions: Tensor, dtype: torch.dtype) -> Operation:
        """What turns heads [tokens, heads, head_dim] of that dtype to their positions [3, tokens].

        A pair (a, b) becomes (a cos - b sin, b cos + a sin): as one number, a product of complex numbers, which are
        there in single precision only.
        """
        angles = positions.float()[self._axes].t()[:, None] * self._frequencies
        if dtype == torch.float32:
            return partial(_turned, torch.polar(self._sizes.expand_as(angles), angles))
        cos, sin = (
            each.repeat_interleave(2, -1)
            for each in (angles.cos() * self._sizes, angles.sin() * self._sizes)
        )
        cos, sin = cos.to(dtype), (sin * self._signs).to(dtype)
        return lambda heads: torch.addcmul(heads * cos, heads.index_select(-1, self._partners), sin)


def _turned(turns: Tensor, heads: Tensor) -> Tensor:
    return torch.view_as_real(torch.view_as_complex(heads.unflatten(-1, (-1, 2))) * turns).flatten(
        -2
    )
