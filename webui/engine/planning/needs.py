"""Needs: what a checkpoint takes, read from its config and index before any weights are at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# NF4 takes half a byte per weight, and a scale for 64 weights. Double quantization packs the scales
# themselves into one byte each, with four bytes for 256 of them (arXiv:2305.14314, section 3).
BYTES_PER_WEIGHT = {"8bit": 1.0, "4bit": 0.5 + 1 / 64 + 4 / 16_384}


@dataclass(frozen=True, slots=True)
class Needs:
    """Sizes of a checkpoint: counts of numbers, except for `file_bytes`.

    `quantizable` are those of the `weights` that bitsandbytes packs, `layer` those of one decoder
    layer. `cache_elements` are kept for each token of a conversation.
    """

    weights: int
    quantizable: int
    layer: int
    cache_elements: int
    context_length: int
    file_bytes: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any], file_bytes: int) -> Needs:
        """Estimate from a config.json and the total_size of the index.

        Raises KeyError or TypeError for a config that lacks parts. Only decoder layers count as
        quantizable; embeddings, lm_head and the vision encoder stay whole.
        """
        text = config.get("text_config", config)
        hidden, inner = text["hidden_size"], text["intermediate_size"]
        layers = text["num_hidden_layers"]
        heads, kv_heads = text["num_attention_heads"], text["num_key_value_heads"]
        head_dim = text.get("head_dim") or hidden // heads
        # q and o projections, k and v projections; gate, up and down projections.
        layer = hidden * head_dim * (2 * heads + 2 * kv_heads) + 3 * hidden * inner
        dtype = str(config.get("dtype") or config.get("torch_dtype"))
        return cls(
            weights=file_bytes // (4 if dtype == "float32" else 2),
            quantizable=layer * layers,
            layer=layer,
            cache_elements=2 * layers * kv_heads * head_dim,
            context_length=text["max_position_embeddings"],
            file_bytes=file_bytes,
        )

    def weight_bytes(self, quantization: str, item_bytes: int) -> int:
        """Return the size of the weights on the device, unpacked ones at `item_bytes` each."""
        packed_bytes = BYTES_PER_WEIGHT.get(quantization)
        if packed_bytes is None:
            return self.weights * item_bytes
        unpacked = self.weights - self.quantizable
        return unpacked * item_bytes + int(self.quantizable * packed_bytes)
