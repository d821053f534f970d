"""M-RoPE: rotary position embedding over time, rows and columns, as Glm4v applies it.

RoPE (arXiv:2104.09864) rotates pairs of channels of each head by an angle that grows with the
token's position. M-RoPE (Qwen2-VL, arXiv:2409.12191) gives each token three positions and lets
each pair of channels follow one of them; text tokens have the same number three times. Glm4v pairs
neighbouring channels (0, 1), (2, 3), ... (transformers: modeling_glm4v.apply_rotary_pos_emb).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from webui.engine.models.layers import Operation


class MRotaryEmbedding:
    """The rotary embedding of one checkpoint, taken from its Glm4vTextRotaryEmbedding.

    A partial_rotary_factor below 1 rotates only the first channels of a head. The rest gets
    frequency 0 and size 1, a rotation by nothing, so that one operation covers the whole head.
    """

    def __init__(self, rotary: Any, head_dim: int) -> None:
        device, pairs = rotary.inv_freq.device, head_dim // 2
        unrotated = pairs - len(rotary.inv_freq)
        # mrope_section counts how many pairs in a row follow time, rows, columns, time, ...
        axes: list[int] = []
        for index, size in enumerate(rotary.mrope_section):
            axes += [index % 3] * size
        self._axes = torch.tensor(axes + [0] * unrotated, device=device)
        self._frequencies = pad(rotary.inv_freq.float(), (0, unrotated))
        sizes = [rotary.attention_scaling] * (pairs - unrotated) + [1.0] * unrotated
        self._sizes = torch.tensor(sizes, device=device)
        self._signs = torch.tensor([-1.0, 1.0], device=device).repeat(pairs)
        # The index of the other channel of each pair: 1, 0, 3, 2, ...
        self._partners = torch.arange(head_dim, device=device) ^ 1

    def rotation(self, positions: Tensor, dtype: torch.dtype) -> Operation:
        """Return the function that rotates heads [tokens, heads, head_dim] of `dtype`.

        `positions` is [3, tokens]. A pair (a, b) becomes (a cos - b sin, b cos + a sin).
        """
        angles = positions.float()[self._axes].t()[:, None] * self._frequencies
        if dtype == torch.float32:
            # As complex numbers the whole rotation is one product; half precision has no such type.
            return partial(_rotate, torch.polar(self._sizes.expand_as(angles), angles))
        cos = (angles.cos() * self._sizes).repeat_interleave(2, -1).to(dtype)
        sin = (angles.sin() * self._sizes).repeat_interleave(2, -1)
        sin = (sin * self._signs).to(dtype)
        return lambda heads: torch.addcmul(heads * cos, heads.index_select(-1, self._partners), sin)


def _rotate(rotations: Tensor, heads: Tensor) -> Tensor:
    """Multiply pairs of channels, as complex numbers, with complex numbers [tokens, 1, pairs]."""
    pairs = torch.view_as_complex(heads.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * rotations).flatten(-2)
