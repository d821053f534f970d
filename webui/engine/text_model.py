"""TextModel: the forward pass of Glm4v's language model over a slot cache, with its own modules and weights.

Does what Glm4vTextModel.forward does in fewer and larger operations: on a CPU, and on a GPU without graphs, half of the
time of a decode step is the number of operations. A pass has tokens in one dimension only: those of one prompt, or the
newest of each row; what they see is the cache view's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, rms_norm, silu

Product = Callable[[Tensor], Tensor]


class Attend(Protocol):
    """Attention of one layer in one pass."""

    def __call__(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Store keys and values [tokens, kv_heads, head_dim]; queries [tokens, heads, head_dim] to [tokens, -1]."""
        ...


class CacheView(Protocol):
    """The part of the cache that one pass writes to and sees."""

    def attention(self, dtype: torch.dtype) -> Attend:
        """For one pass of that dtype."""
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


def product(module: Any) -> Product:
    """A plain Linear as one operation on [tokens, inputs]; another one, a quantised one say, as it is."""
    return _multiply(module.weight, module.bias) if type(module) is nn.Linear else module


def side_by_side(modules: list[Any]) -> Product:
    """Several products of the same input as one. Plain ones keep parts of its weight: it is there once."""
    if any(type(module) is not nn.Linear or module.bias is None for module in modules):
        return lambda hidden: torch.cat([module(hidden) for module in modules], -1)
    return _multiply(*(_joined(modules, name) for name in ("weight", "bias")))


def _multiply(weight: Tensor, bias: Tensor | None) -> Product:
    turned = weight.t()
    return (lambda hidden: hidden.mm(turned)) if bias is None else (lambda hidden: torch.addmm(bias, hidden, turned))


def _joined(modules: list[Any], name: str) -> Tensor:
    """That parameter of all of them in one, of which each has its part from then on."""
    whole = torch.cat([getattr(module, name).detach() for module in modules])
    for module, part in zip(modules, whole.split([module.out_features for module in modules]), strict=True):
        setattr(module, name, nn.Parameter(part, requires_grad=False))
    return whole


class Layer:
    """A decoder layer's parts, looked up once."""

    __slots__ = ("after_attend", "after_mix", "attend", "down", "gate_up", "heads", "mix", "output")

    def __init__(self, layer: Any) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.heads = side_by_side([attention.q_proj, attention.k_proj, attention.v_proj])
        self.output, self.gate_up, self.down = map(product, (attention.o_proj, mlp.gate_up_proj, mlp.down_proj))
        self.attend, self.after_attend = Norm.of(layer.input_layernorm), Norm.of(layer.post_self_attn_layernorm)
        self.mix, self.after_mix = Norm.of(layer.post_attention_layernorm), Norm.of(layer.post_mlp_layernorm)


class TextModel:
    """Hidden states [tokens, hidden] of embeddings of that shape at positions [3, tokens]."""

    def __init__(self, language_model: Any) -> None:
        self._layers = [Layer(layer) for layer in language_model.layers]
        self._norm = Norm.of(language_model.norm)
        text = language_model.config
        self._head_dim = language_model.layers[0].self_attn.head_dim
        self._heads, self._kv_heads = text.num_attention_heads, text.num_key_value_heads
        rotary = language_model.rotary_emb
        device, scale = rotary.inv_freq.device, rotary.attention_scaling
        # Numbers of one rotated pair each, in the order of the head's dimensions; the rest of the head stands still.
        frequencies = rotary.inv_freq.float().repeat_interleave(2)
        still = self._head_dim - len(frequencies)
        axes = [index % 3 for index, size in enumerate(rotary.mrope_section) for _ in range(2 * size)]
        self._axes = torch.tensor(axes + [0] * still, device=device)
        self._frequencies = pad(frequencies, (0, still))
        self._cos_scale = torch.tensor([scale] * len(frequencies) + [1.0] * still, device=device)
        self._sin_scale = torch.tensor([-scale, scale] * (len(frequencies) // 2) + [0.0] * still, device=device)
        self._partners = torch.tensor([number ^ 1 for number in range(self._head_dim)], device=device)

    def __call__(self, hidden: Tensor, positions: Tensor, view: CacheView) -> Tensor:
        cos, sin = self._rotation(positions, hidden.dtype)
        attend = view.attention(hidden.dtype)
        for index, layer in enumerate(self._layers):
            queries, keys, values = self._looked_up(layer.heads(layer.attend(hidden)), cos, sin)
            hidden = hidden + layer.after_attend(layer.output(attend(index, queries, keys, values)))
            gate, up = layer.gate_up(layer.mix(hidden)).chunk(2, dim=-1)
            hidden = hidden + layer.after_mix(layer.down(up * silu(gate)))
        return self._norm(hidden)

    def _rotation(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Cosines and signed sines [tokens, 1, head_dim]; (a, b) turns to (a cos - b sin, b cos + a sin)."""
        angles = positions.float()[self._axes].t()[:, None] * self._frequencies
        return (angles.cos() * self._cos_scale).to(dtype), (angles.sin() * self._sin_scale).to(dtype)

    def _looked_up(self, heads: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys, both turned to their places, and values: [tokens, heads or kv_heads, head_dim]."""
        heads = heads.view(len(heads), -1, self._head_dim)
        turning, values = heads.split([self._heads + self._kv_heads, self._kv_heads], 1)
        turned = torch.addcmul(turning * cos, turning.index_select(-1, self._partners), sin)
        queries, keys = turned.split([self._heads, self._kv_heads], 1)
        return queries, keys, values
