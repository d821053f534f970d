"""TextModel: the forward pass of Glm4v's language model over a slot cache, with its own modules and weights.

Does what Glm4vTextModel.forward does in fewer and larger operations: on a CPU, and on a GPU without graphs, half of the
time of a decode step is the number of operations. A pass has tokens in one dimension only: those of one prompt, or the
newest of each row; what they see is the cache view's affair.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import silu

from webui.engine.models.glm4v.rope import Rotation
from webui.engine.models.layers import Operation, norm, product, side_by_side


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


class Layer:
    """A decoder layer's parts, looked up once."""

    __slots__ = ("after_attend", "after_mix", "attend", "down", "gate_up", "heads", "mix", "output")

    def __init__(self, layer: Any) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.heads = side_by_side([attention.q_proj, attention.k_proj, attention.v_proj])
        self.output, self.gate_up, self.down = map(
            product, (attention.o_proj, mlp.gate_up_proj, mlp.down_proj)
        )
        self.attend, self.after_attend = (
            norm(layer.input_layernorm),
            norm(layer.post_self_attn_layernorm),
        )
        self.mix, self.after_mix = (
            norm(layer.post_attention_layernorm),
            norm(layer.post_mlp_layernorm),
        )


class TextModel:
    """Hidden states [tokens, hidden] of embeddings of that shape at positions [3, tokens]."""

    def __init__(self, language_model: Any) -> None:
        self._layers = [Layer(layer) for layer in language_model.layers]
        self._norm = norm(language_model.norm)
        text = language_model.config
        self._head_dim = language_model.layers[0].self_attn.head_dim
        self._heads, self._kv_heads = text.num_attention_heads, text.num_key_value_heads
        self._rotation = Rotation(language_model.rotary_emb, self._head_dim)

    def __call__(self, hidden: Tensor, positions: Tensor, view: CacheView) -> Tensor:
        turn = self._rotation.at(positions, hidden.dtype)
        attend = view.attention(hidden.dtype)
        for index, layer in enumerate(self._layers):
            queries, keys, values = self._looked_up(layer.heads(layer.attend(hidden)), turn)
            hidden = hidden + layer.after_attend(layer.output(attend(index, queries, keys, values)))
            gate, up = layer.gate_up(layer.mix(hidden)).chunk(2, dim=-1)
            hidden = hidden + layer.after_mix(layer.down(up * silu(gate)))
        return self._norm(hidden)

    def _looked_up(self, heads: Tensor, turn: Operation) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys, both turned to their places, and values: [tokens, heads or kv_heads, head_dim]."""
        heads = heads.view(len(heads), -1, self._head_dim)
        turning, values = heads.split([self._heads + self._kv_heads, self._kv_heads], 1)
        queries, keys = turn(turning).split([self._heads, self._kv_heads], 1)
        return queries, keys, values
