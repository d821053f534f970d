"""Attention of one forward pass over the slot cache: prefill of one or several slots, or decode.

A pass stores the keys and values of its tokens in their slots first and then attends to the cache.
Knows slots and shapes, no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from webui.engine.execution.kv_cache import KVCache, Slot
from webui.engine.models.family import Attention


class PrefillAttention:
    """Causal attention for the tokens [start, end) of one slot."""

    def __init__(self, cache: KVCache, slot: Slot, start: int, end: int) -> None:
        self._cache, self._slot_index = cache, slot.index
        self._start, self._end = start, end

    @property
    def length(self) -> int:
        return self._end - self._start

    def prepare(self, dtype: torch.dtype) -> Attention:
        return partial(self._attend, self._causal_mask(dtype))

    def _attend(
        self, mask: Tensor | None, layer: int, queries: Tensor, keys: Tensor, values: Tensor
    ) -> Tensor:
        slot = self._cache.layers[layer][:, self._slot_index]
        slot[0, :, self._start : self._end] = keys.transpose(0, 1)
        slot[1, :, self._start : self._end] = values.transpose(0, 1)
        cached = slot[:, None, :, : self._end]
        # With enable_gqa several query heads read one key head in place. On CUDA, the fused
        # kernels accept that without a mask only; with one, key heads are repeated to match.
        grouped = mask is None or mask.device.type == "cpu"
        keys, values = (
            cached if grouped else cached.repeat_interleave(queries.shape[1] // keys.shape[1], 2)
        )
        attended = scaled_dot_product_attention(
            queries.transpose(0, 1)[None],
            keys,
            values,
            attn_mask=mask,
            is_causal=mask is None,
            enable_gqa=grouped,
        )
        return attended[0].transpose(0, 1).flatten(1)

    def _causal_mask(self, dtype: torch.dtype) -> Tensor | None:
        """Return the additive mask [1, 1, length, end]; None for a chunk that starts its slot.

        `is_causal` aligns queries and keys at the top left, which is right only if both start at
        the same token. A later chunk has more keys than queries and needs the mask: query i sits
        at position start + i and sees the keys up to there.
        """
        if not self._start:
            return None
        device = self._cache.layers[0].device
        mask = torch.full((self.length, self._end), -torch.inf, dtype=dtype, device=device)
        return mask.triu(self._start + 1)[None, None]


class PackedPrefillAttention:
    """Several prefill chunks in one pass: their tokens follow each other in one dimension.

    Everything outside attention treats the pass as one batch of tokens. Attention runs chunk by
    chunk, so that no token sees another slot.
    """

    def __init__(self, chunks: Sequence[PrefillAttention]) -> None:
        self._chunks, self._lengths = chunks, [chunk.length for chunk in chunks]

    def prepare(self, dtype: torch.dtype) -> Attention:
        return partial(self._attend, [chunk.prepare(dtype) for chunk in self._chunks])

    def _attend(
        self, attends: list[Attention], layer: int, queries: Tensor, keys: Tensor, values: Tensor
    ) -> Tensor:
        chunks = zip(
            attends,
            queries.split(self._lengths),
            keys.split(self._lengths),
            values.split(self._lengths),
            strict=True,
        )
        return torch.cat([attend(layer, *heads) for attend, *heads in chunks])


class DecodeAttention:
    """Attention for one new token in each of the first `len(lengths)` slots.

    `lengths` [rows] counts the tokens that each slot holds already, which is also the position of
    its new token. `kv_len` positions of every slot take part; the mask hides what lies beyond a
    row's own length. `equal_lengths` promises that no row needs the mask.
    """

    def __init__(
        self, cache: KVCache, lengths: Tensor, kv_len: int, *, equal_lengths: bool
    ) -> None:
        self._cache, self._lengths, self._kv_len = cache, lengths, kv_len
        self._equal_lengths = equal_lengths

    @classmethod
    def from_lengths(cls, cache: KVCache, lengths: Sequence[int]) -> DecodeAttention:
        tensor = torch.tensor(lengths, device=cache.layers[0].device)
        return cls(cache, tensor, max(lengths) + 1, equal_lengths=len(set(lengths)) == 1)

    def prepare(self, dtype: torch.dtype) -> Attention:
        slot_mapping = self._cache.slot_mapping(self._lengths)
        return partial(self._attend, slot_mapping, self._length_mask(dtype))

    def _attend(
        self,
        slot_mapping: Tensor,
        mask: Tensor | None,
        layer: int,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
    ) -> Tensor:
        for stored, new in zip(self._cache.flat_layers[layer], (keys, values), strict=True):
            stored.index_put_((slot_mapping,), new)
        rows, kv_heads = slot_mapping.shape
        # Grouped-query attention without a copy: the query heads that share a key head take the
        # place of the query length, [rows, kv_heads, heads per kv_head, head_dim]. There is one
        # token a row, so that dimension is free, and every such query may see the same keys.
        grouped = queries.unflatten(1, (kv_heads, -1))
        keys, values = self._cache.layers[layer][:, :rows, :, : self._kv_len]
        return scaled_dot_product_attention(grouped, keys, values, attn_mask=mask).flatten(1)

    def _length_mask(self, dtype: torch.dtype) -> Tensor | None:
        """Return the additive mask [rows, 1, 1, kv_len]; None if all rows have one length."""
        if self._equal_lengths:
            return None
        positions = torch.arange(self._kv_len, device=self._lengths.device)
        hidden = positions > self._lengths[:, None]
        mask = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device)
        return mask.masked_fill_(hidden, -torch.inf)[:, None, None]
