"""What one pass of the model writes to the cache and sees of it: chunks of some slots, or one token of each row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from webui.engine.execution.kv_cache import KVCache, Slot
from webui.engine.models.family import Attention


class PrefillAttention:
    """One slot while tokens start..end of it are written."""

    def __init__(self, cache: KVCache, slot: Slot, start: int, end: int) -> None:
        self._cache, self._row, self._start, self._end = cache, slot.index, start, end

    @property
    def length(self) -> int:
        return self._end - self._start

    def prepare(self, dtype: torch.dtype) -> Attention:
        return partial(self._attend, self._mask(dtype))

    def _attend(
        self, mask: Tensor | None, layer: int, queries: Tensor, keys: Tensor, values: Tensor
    ) -> Tensor:
        slot = self._cache.layers[layer][:, self._row]
        slot[0, :, self._start : self._end] = keys.transpose(0, 1)
        slot[1, :, self._start : self._end] = values.transpose(0, 1)
        seen = slot[:, None, :, : self._end]
        # On CUDA, the kernels that take a mask take as many key heads as query heads.
        shared = mask is None or mask.device.type == "cpu"
        keys, values = (
            seen if shared else seen.repeat_interleave(queries.shape[1] // keys.shape[1], 2)
        )
        attended = scaled_dot_product_attention(
            queries.transpose(0, 1)[None],
            keys,
            values,
            attn_mask=mask,
            is_causal=mask is None,
            enable_gqa=shared,
        )
        return attended[0].transpose(0, 1).flatten(1)

    def _mask(self, dtype: torch.dtype) -> Tensor | None:
        """[1, 1, end - start, end]: each token sees those before it. None from the start of a slot: causal."""
        if not self._start:
            return None
        device = self._cache.layers[0].device
        later = torch.full((self.length, self._end), -torch.inf, dtype=dtype, device=device)
        return later.triu(self._start + 1)[None, None]


class PackedPrefillAttention:
    """Several of them in one pass: their tokens stand one after the other."""

    def __init__(self, views: Sequence[PrefillAttention]) -> None:
        self._views, self._lengths = views, [view.length for view in views]

    def prepare(self, dtype: torch.dtype) -> Attention:
        return partial(self._attend, [view.prepare(dtype) for view in self._views])

    def _attend(self, attends: list[Attention], layer: int, *heads: Tensor) -> Tensor:
        parts = zip(*(each.split(self._lengths) for each in heads), strict=True)
        return torch.cat(
            [attend(layer, *part) for attend, part in zip(attends, parts, strict=True)]
        )


class DecodeAttention:
    """The first len(lengths) slots while each gets one token, at its own length; `seen` positions take part."""

    def __init__(self, cache: KVCache, lengths: Tensor, seen: int, *, even: bool) -> None:
        self._cache, self._lengths, self._seen, self._even = cache, lengths, seen, even

    @classmethod
    def of(cls, cache: KVCache, lengths: Sequence[int]) -> DecodeAttention:
        tensor = torch.tensor(lengths, device=cache.layers[0].device)
        return cls(cache, tensor, max(lengths) + 1, even=len(set(lengths)) == 1)

    def prepare(self, dtype: torch.dtype) -> Attention:
        return partial(self._attend, self._cache.places(self._lengths), self._mask(dtype))

    def _attend(
        self,
        places: Tensor,
        mask: Tensor | None,
        layer: int,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
    ) -> Tensor:
        for stored, new in zip(self._cache.flat[layer], (keys, values), strict=True):
            stored.index_put_((places,), new)
        rows, kv_heads = places.shape
        # The queries that share a key head stand as if they were tokens of it: no copy of the keys is needed.
        grouped = queries.unflatten(1, (kv_heads, -1))
        keys, values = self._cache.layers[layer][:, :rows, :, : self._seen]
        return scaled_dot_product_attention(grouped, keys, values, attn_mask=mask).flatten(1)

    def _mask(self, dtype: torch.dtype) -> Tensor | None:
        """[rows, 1, 1, seen]: each row sees up to its own length. None if all are of one length."""
        if self._even:
            return None
        later = torch.arange(self._seen, device=self._lengths.device) > self._lengths[:, None]
        return torch.zeros(later.shape, dtype=dtype, device=later.device).masked_fill_(
            later, -torch.inf
        )[:, None, None]
