"""The text decoder of Glm4v over a slot cache, with the modules and weights of transformers.

Computes what Glm4vTextModel.forward computes (transformers: modeling_glm4v) in fewer and larger
operations: on a CPU, and on a GPU without CUDA graphs, launching operations takes half of the time
of a decode step. The tokens of a pass are one flat axis: those of one or more prompts, or the
newest token of each row. Which of the cached tokens they attend to is decided by the attention
backend.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.functional import silu

from webui.engine.models.family import AttentionBackend
from webui.engine.models.glm4v.rope import MRotaryEmbedding
from webui.engine.models.layers import Operation, fused_linear, linear, rms_norm


class DecoderLayer:
    """The operations of one Glm4vTextDecoderLayer.

    Glm4v normalizes before and after each block ("sandwich" norms): `attn_norm` and
    `post_attn_norm` around attention, `mlp_norm` and `post_mlp_norm` around the MLP.
    """

    __slots__ = (
        "attn_norm",
        "down_proj",
        "gate_up_proj",
        "mlp_norm",
        "o_proj",
        "post_attn_norm",
        "post_mlp_norm",
        "qkv_proj",
    )

    def __init__(self, layer: Any) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.qkv_proj = fused_linear([attention.q_proj, attention.k_proj, attention.v_proj])
        self.o_proj = linear(attention.o_proj)
        self.gate_up_proj = linear(mlp.gate_up_proj)
        self.down_proj = linear(mlp.down_proj)
        self.attn_norm = rms_norm(layer.input_layernorm)
        self.post_attn_norm = rms_norm(layer.post_self_attn_layernorm)
        self.mlp_norm = rms_norm(layer.post_attention_layernorm)
        self.post_mlp_norm = rms_norm(layer.post_mlp_layernorm)


class TextDecoder:
    """The decoder layers and the final norm: embeddings to hidden states, both [tokens, hidden]."""

    def __init__(self, language_model: Any) -> None:
        self._layers = [DecoderLayer(layer) for layer in language_model.layers]
        self._norm = rms_norm(language_model.norm)
        config = language_model.config
        self._head_dim = language_model.layers[0].self_attn.head_dim
        self._heads, self._kv_heads = config.num_attention_heads, config.num_key_value_heads
        self._rope = MRotaryEmbedding(language_model.rotary_emb, self._head_dim)

    def __call__(self, hidden: Tensor, positions: Tensor, backend: AttentionBackend) -> Tensor:
        """Return hidden states of embeddings at `positions` [3, tokens]."""
        rotate = self._rope.rotation(positions, hidden.dtype)
        attention = backend.prepare(hidden.dtype)
        for index, layer in enumerate(self._layers):
            queries, keys, values = self._split_qkv(layer.qkv_proj(layer.attn_norm(hidden)), rotate)
            attended = attention(index, queries, keys, values)
            hidden = hidden + layer.post_attn_norm(layer.o_proj(attended))
            gate, up = layer.gate_up_proj(layer.mlp_norm(hidden)).chunk(2, dim=-1)
            hidden = hidden + layer.post_mlp_norm(layer.down_proj(up * silu(gate)))
        return self._norm(hidden)

    def _split_qkv(self, qkv: Tensor, rotate: Operation) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries and keys, both rotated, and values: [tokens, heads, head_dim] each.

        Queries and keys are rotated in one operation before they are split.
        """
        qkv = qkv.view(len(qkv), -1, self._head_dim)
        queries_keys, values = qkv.split([self._heads + self._kv_heads, self._kv_heads], 1)
        queries, keys = rotate(queries_keys).split([self._heads, self._kv_heads], 1)
        return queries, keys, values
