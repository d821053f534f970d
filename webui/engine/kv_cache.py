"""Keys and values in slots: one row of each layer's tensors per conversation, kept for its next turn.

Knows lengths, indices and prompt keys; knows no request, no scheduling and no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import torch
from torch import Tensor

MAX_SLOTS = 32
WANTED_SLOTS = 4
LEAST_CONTEXT = 8192


@dataclass(slots=True)
class Slot:
    """One conversation's place. `keys` tells which tokens its first len(keys) positions hold."""

    index: int
    keys: list[int] = field(default_factory=list)
    busy: bool = False
    last_used: int = 0

    def common_prefix(self, keys: Sequence[int]) -> int:
        """How many leading tokens of a prompt are already here."""
        same, unknown = 0, min(len(self.keys), len(keys))
        # Halving compares whole slices, which is a hundred times faster than token by token.
        while same < unknown:
            middle = (same + unknown + 1) // 2
            if self.keys[same:middle] == keys[same:middle]:
                same = middle
            else:
                unknown = middle - 1
        return same


@dataclass(frozen=True, slots=True)
class CachePlan:
    slots: int
    context_length: int


def plan_cache(
    free_bytes: int, bytes_per_token: int, model_context: int, *, slots: int = 0, context: int = 0
) -> CachePlan:
    """Slots x context that fit into `free_bytes`; 0 lets the plan choose.

    The whole context of the model if at least four people then fit; else a shorter one, but not under 8,192 tokens.
    Returns a plan of 0 slots if not even one fits.
    """
    tokens = free_bytes // bytes_per_token
    wanted = min(context or model_context, model_context)
    if not context:
        wanted = max(min(wanted, tokens // (slots or WANTED_SLOTS)), min(wanted, LEAST_CONTEXT))
    return CachePlan(min(slots or MAX_SLOTS, tokens // wanted), wanted)


class KVCache:
    """Slots of `context_length` tokens: per layer two tensors [slots, kv_heads, context_length, head_dim]."""

    def __init__(
        self, plan: CachePlan, layers: int, heads: int, head_dim: int, *, device: str, dtype: torch.dtype
    ) -> None:
        self.context_length = plan.context_length
        shape = (plan.slots, heads, plan.context_length, head_dim)
        # Zeros, not empty: a masked position still takes part in 0 x value, and stray memory may hold NaN.
        self.keys = [torch.zeros(shape, device=device, dtype=dtype) for _ in range(layers)]
        self.values = [torch.zeros(shape, device=device, dtype=dtype) for _ in range(layers)]
        self._slots = [Slot(index) for index in range(plan.slots)]
        self._clock = count(1)

    @property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(self._slots)

    def acquire(self, keys: Sequence[int]) -> tuple[Slot, int] | None:
        """A slot for a prompt and how many of its tokens need no prefill; None if all are busy.

        The slot that shares most with the prompt is taken if what it would lose is less than what it shares; else an
        empty one, else the one unused for longest. At least one token is left to prefill: its logits are needed.
        """
        idle = [slot for slot in self._slots if not slot.busy]
        if not idle:
            return None
        shared, best = max(((slot.common_prefix(keys), slot) for slot in idle), key=lambda pair: pair[0])
        if 2 * shared < len(best.keys):
            best = min(idle, key=lambda slot: (bool(slot.keys), slot.last_used))
            shared = best.common_prefix(keys)
        shared = min(shared, len(keys) - 1)
        best.busy = True
        best.keys = list(keys[:shared])
        return best, shared

    def release(self, slot: Slot) -> None:
        """The slot's keys and values stay for the conversation's next turn."""
        slot.busy = False
        slot.last_used = next(self._clock)

    def arrange(self, running: Sequence[Slot]) -> None:
        """Bring the running slots to the front in this order, so that a decode step reads views, never copies."""
        for index, slot in enumerate(running):
            if slot.index != index:
                self._swap(slot, self._slots[index])

    def _swap(self, one: Slot, other: Slot) -> None:
        pair, length = [one.index, other.index], max(len(one.keys), len(other.keys))
        for tensor in (*self.keys, *self.values):
            tensor[pair, :, :length] = tensor[pair[::-1], :, :length]
        one.index, other.index = other.index, one.index
        self._slots[one.index], self._slots[other.index] = one, other


class PrefillView:
    """One slot as the model's cache while tokens start..end of it are written."""

    def __init__(self, cache: KVCache, slot: Slot, start: int, end: int) -> None:
        self._cache, self._row, self._start, self._end = cache, slot.index, start, end

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Store [1, heads, end - start, head_dim]; return all of the slot so far, [1, heads, end, head_dim]."""
        row, start, end = slice(self._row, self._row + 1), self._start, self._end
        all_keys, all_values = self._cache.keys[layer], self._cache.values[layer]
        all_keys[row, :, start:end] = keys
        all_values[row, :, start:end] = values
        return all_keys[row, :, :end], all_values[row, :, :end]

    def get_seq_length(self, layer: int = 0) -> int:
        return self._start

    def mask(self, device: str) -> Tensor:
        """Which cached positions each new token sees: bool [1, 1, end - start, end]."""
        sees = (
            torch.arange(self._end, device=device)[None, :]
            <= torch.arange(self._start, self._end, device=device)[:, None]
        )
        return sees[None, None]


class DecodeView:
    """The first len(lengths) slots as the model's cache while each gets one token, at its own length."""

    def __init__(self, cache: KVCache, lengths: Sequence[int], device: str) -> None:
        self._cache, self._count, self._longest = cache, len(lengths), max(lengths) + 1
        self._rows = torch.arange(len(lengths), device=device)
        self.lengths = torch.tensor(lengths, device=device)

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Store [rows, heads, 1, head_dim]; return [rows, heads, longest, head_dim]."""
        all_keys, all_values = self._cache.keys[layer], self._cache.values[layer]
        all_keys[self._rows, :, self.lengths] = keys[:, :, 0]
        all_values[self._rows, :, self.lengths] = values[:, :, 0]
        return all_keys[: self._count, :, : self._longest], all_values[: self._count, :, : self._longest]

    def get_seq_length(self, layer: int = 0) -> int:
        return self._longest - 1

    def mask(self, device: str) -> Tensor:
        """Which cached positions each row sees: bool [rows, 1, 1, longest]."""
        return (torch.arange(self._longest, device=device)[None, :] <= self.lengths[:, None])[:, None, None]
