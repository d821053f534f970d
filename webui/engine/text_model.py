"""TextModel: the forward pass of Glm4v's language model over a slot cache, with its own modules and weights.

Does what Glm4vTextModel.forward does in fewer and larger operations: on a CPU, and on a GPU without graphs, the time of
a decode step is the number of operations. The rotation and the mask are made once a step, not once a layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import rms_norm, scaled_dot_product_attention, silu


class CacheView(Protocol):
    """The part of the cache that one pass writes to and sees."""

    def update(self, keys: Tensor, values: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """Store [rows, kv_heads, tokens, head_dim]; return all that is seen, [rows, kv_heads, seen, head_dim]."""
        ...

    def mask(self, dtype: torch.dtype) -> Tensor | None:
        """What is added to the scores, [rows or 1, 1, tokens, seen]; None where the pass is causal from the start."""
        ...


@dataclass(frozen=True, slots=True)
class Norm:
    """An RMSNorm's weight, without the module around it, which a step would ask for it once a layer."""

    weight: Tensor
    epsilon: float

    @classmethod
    def of(cls, module: Any) -> Norm:
        return cls(module.weight, module.variance_epsilon)

    def __call__(self, hidden: Tensor) -> Tensor:
        return rms_norm(hidden, self.weight.shape, self.weight, self.epsilon)


class Layer:
    """A decoder layer's parts, looked up once."""

    __slots__ = ("after_attend", "after_mix", "attend", "down", "gate_up", "key", "mix", "output", "query", "value")

    def __init__(self, layer: Any) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.query, self.key, self.value = attention.q_proj, attention.k_proj, attention.v_proj
        self.output, self.gate_up, self.down = attention.o_proj, mlp.gate_up_proj, mlp.down_proj
        self.attend, self.after_attend = Norm.of(layer.input_layernorm), Norm.of(layer.post_self_attn_layernorm)
        self.mix, self.after_mix = Norm.of(layer.post_attention_layernorm), Norm.of(layer.post_mlp_layernorm)


class TextModel:
    """Hidden states [rows, tokens, hidden] of embeddings of that shape at positions [3, rows, tokens]."""

    def __init__(self, language_model: Any) -> None:
        self._layers = [Layer(layer) for layer in language_model.layers]
        self._norm = Norm.of(language_model.norm)
        text = language_model.config
        self._head_dim = language_model.layers[0].self_attn.head_dim
        self._kv_heads = text.num_key_value_heads
        self._groups = text.num_attention_heads // text.num_key_value_heads
        rotary = language_model.rotary_emb
        device, scale = rotary.inv_freq.device, rotary.attention_scaling
        # Numbers of one rotated pair each, in the order of the head's dimensions; the rest of the head stands still.
        frequencies = rotary.inv_freq.float().repeat_interleave(2)
        still = self._head_dim - len(frequencies)
        axes = [index % 3 for index, size in enumerate(rotary.mrope_section) for _ in range(2 * size)]
        self._axes = torch.tensor(axes + [0] * still, device=device)
        self._frequencies = torch.nn.functional.pad(frequencies, (0, still))
        self._cos_scale = torch.tensor([scale] * len(frequencies) + [1.0] * still, device=device)
        self._sin_scale = torch.tensor([-scale, scale] * (len(frequencies) // 2) + [0.0] * still, device=device)

    def __call__(self, hidden: Tensor, positions: Tensor, view: CacheView) -> Tensor:
        cos, sin = self._rotation(positions, hidden.dtype)
        mask = view.mask(hidden.dtype)
        for index, layer in enumerate(self._layers):
            inner = self._attend(layer, layer.attend(hidden), cos, sin, mask, view, index)
            hidden = hidden + layer.after_attend(inner)
            gate, up = layer.gate_up(layer.mix(hidden)).chunk(2, dim=-1)
            hidden = hidden + layer.after_mix(layer.down(up * silu(gate)))
        return self._norm(hidden)

    def _rotation(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Cosines and signed sines [rows, tokens, 1, head_dim]; (a, b) turns to (a cos - b sin, b cos + a sin)."""
        angles = positions.float()[self._axes].permute(1, 2, 0)[:, :, None] * self._frequencies
        return (angles.cos() * self._cos_scale).to(dtype), (angles.sin() * self._sin_scale).to(dtype)

    def _attend(
        self, layer: Layer, hidden: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None, view: CacheView, index: int
    ) -> Tensor:
        rows, tokens, _ = hidden.shape
        shape = (rows, tokens, -1, self._head_dim)
        heads = torch.cat([layer.query(hidden).view(shape), layer.key(hidden).view(shape)], 2)
        swapped = heads.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
        heads = heads * cos + swapped * sin
        queries, keys = heads.split([self._groups * self._kv_heads, self._kv_heads], 2)
        values = layer.value(hidden).view(shape)
        keys, values = view.update(keys.transpose(1, 2), values.transpose(1, 2), index)
        return layer.output(self._weigh(queries, keys, values, mask))

    def _weigh(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Attention of queries [rows, tokens, heads, head_dim] without a copy of the keys where there is one token."""
        rows, tokens = queries.shape[:2]
        if tokens == 1:
            # The queries that share a key head stand as if they were tokens of it.
            grouped = queries.view(rows, self._kv_heads, self._groups, self._head_dim)
            seen = scaled_dot_product_attention(grouped, keys, values, attn_mask=mask)
            return seen.reshape(rows, 1, -1)
        queries = queries.transpose(1, 2)
        if mask is None:
            seen = scaled_dot_product_attention(queries, keys, values, is_causal=True, enable_gqa=True)
        else:
            keys, values = (tensor.repeat_interleave(self._groups, 1) for tensor in (keys, values))
            seen = scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        return seen.transpose(1, 2).reshape(rows, tokens, -1)
