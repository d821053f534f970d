"""Needs: what a checkpoint takes, read from its config and index before any weights are at hand. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# NF4 keeps half a byte a weight and, quantized once more, its scale: one byte for 64 weights and four for 16,384.
BYTES_PER_WEIGHT = {"8bit": 1.0, "4bit": 0.5 + 1 / 64 + 4 / 16_384}


@dataclass(frozen=True, slots=True)
class Needs:
    """`weights` counts numbers, `packable` those of them that bitsandbytes packs, `layer` those of one layer.

    `cache_numbers` are kept for each token of a conversation. `file_bytes` is the size of the files.
    """

    weights: int
    packable: int
    layer: int
    cache_numbers: int
    context_length: int
    file_bytes: int

    @classmethod
    def of(cls, config: Mapping[str, Any], file_bytes: int) -> Needs:
        """From a config.json, and the total_size of the index: KeyError or TypeError for a config that lacks parts.

        What the index has beyond the text model (the vision tower) stays whole, as embeddings and lm_head do.
        """
        text = config.get("text_config", config)
        hidden, inner, layers = (
            text["hidden_size"],
            text["intermediate_size"],
            text["num_hidden_layers"],
        )
        heads, kv_heads = text["num_attention_heads"], text["num_key_value_heads"]
        head = text.get("head_dim") or hidden // heads
        layer = hidden * head * (2 * heads + 2 * kv_heads) + 3 * hidden * inner
        item = 4 if str(config.get("dtype") or config.get("torch_dtype")) == "float32" else 2
        return cls(
            weights=file_bytes // item,
            packable=layer * layers,
            layer=layer,
            cache_numbers=2 * layers * kv_heads * head,
            context_length=text["max_position_embeddings"],
            file_bytes=file_bytes,
        )

    def weight_bytes(self, quantization: str, item_bytes: int) -> int:
        """What the weights take on the device, at `item_bytes` a number where they are not packed."""
        packed = BYTES_PER_WEIGHT.get(quantization)
        if packed is None:
            return self.weights * item_bytes
        return (self.weights - self.packable) * item_bytes + int(self.packable * packed)
