"""What one pass of the model writes to the cache and sees of it: a chunk of one slot, or one token of each row."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from webui.engine.kv_cache import KVCache, Slot


class PrefillView:
    """One slot while tokens start..end of it are written."""

    def __init__(self, cache: KVCache, slot: Slot, start: int, end: int) -> None:
        self._cache, self._row, self._start, self._end = cache, slot.index, start, end

    def update(self, keys: Tensor, values: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """Store [1, heads, end - start, head_dim]; return all of the slot so far, [1, heads, end, head_dim]."""
        slot = self._cache.layers[layer][:, self._row : self._row + 1]
        slot[0, :, :, self._start : self._end] = keys
        slot[1, :, :, self._start : self._end] = values
        return slot[0, :, :, : self._end], slot[1, :, :, : self._end]

    def mask(self, dtype: torch.dtype) -> Tensor | None:
        """[1, 1, end - start, end]: each token sees those before it. None from the start of a slot."""
        if not self._start:
            return None
        device = self._cache.layers[0].device
        later = torch.full((self._end - self._start, self._end), -torch.inf, dtype=dtype, device=device)
        return later.triu(self._start + 1)[None, None]


class DecodeView:
    """The first len(lengths) slots while each gets one token, at its own length; `seen` positions take part."""

    def __init__(self, cache: KVCache, lengths: Tensor, seen: int, *, even: bool) -> None:
        self._cache, self._lengths, self._seen, self._even = cache, lengths, seen, even
        self._rows = torch.arange(len(lengths), device=lengths.device)

    @classmethod
    def of(cls, cache: KVCache, lengths: Sequence[int]) -> DecodeView:
        tensor = torch.tensor(lengths, device=cache.layers[0].device)
        return cls(cache, tensor, max(lengths) + 1, even=len(set(lengths)) == 1)

    def update(self, keys: Tensor, values: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """Store [rows, heads, 1, head_dim]; return [rows, heads, seen, head_dim]."""
        both = self._cache.layers[layer]
        both[:, self._rows, :, self._lengths] = torch.stack([keys[:, :, 0], values[:, :, 0]], 1)
        rows = both[:, : len(self._lengths), :, : self._seen]
        return rows[0], rows[1]

    def mask(self, dtype: torch.dtype) -> Tensor | None:
        """[rows, 1, 1, seen]: each row sees up to its own length. None if all are of one length."""
        if self._even:
            return None
        later = torch.arange(self._seen, device=self._lengths.device) > self._lengths[:, None]
        return torch.zeros(later.shape, dtype=dtype, device=later.device).masked_fill_(later, -torch.inf)[:, None, None]
