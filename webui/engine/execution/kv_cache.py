"""Keys and values in slots: one row of each layer's tensors per conversation, kept between turns.

Prefix reuse as in SGLang's RadixAttention (Zheng et al. 2024), with whole slots instead of a tree
of pages: a slot remembers which prompt it holds, and a longer prompt prefills only the rest.
Knows lengths, indices and prefix ids; knows no request, no scheduling and no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import torch

from webui.engine.planning.plan import CachePlan as CachePlan

# Prefilling fewer tokens than this is faster than copying them.
MIN_SHARED_TOKENS = 16


@dataclass(slots=True)
class Slot:
    """The cache of one conversation. Position i holds the token that `prefix_ids[i]` identifies."""

    index: int
    prefix_ids: list[int] = field(default_factory=list)
    busy: bool = False
    last_used: int = 0

    def common_prefix(self, prefix_ids: Sequence[int]) -> int:
        """Return how many leading tokens of a prompt this slot holds already."""
        same, upper = 0, min(len(self.prefix_ids), len(prefix_ids))
        # Binary search over slices: list comparison runs in C, a hundred times faster than a loop.
        while same < upper:
            middle = (same + upper + 1) // 2
            if self.prefix_ids[same:middle] == prefix_ids[same:middle]:
                same = middle
            else:
                upper = middle - 1
        return same


class KVCache:
    """Slots of `context_length` tokens.

    `layers` holds one tensor [2, slots, kv_heads, context_length, head_dim] per layer: keys, then
    values. No sequence ever stores a token in the last position of a slot, because its newest token
    is not stored yet; CUDA graphs use that position for padding rows.
    """

    def __init__(
        self,
        plan: CachePlan,
        layers: int,
        heads: int,
        head_dim: int,
        *,
        device: str,
        dtype: torch.dtype,
    ) -> None:
        self.context_length = plan.context_length
        shape = (2, plan.slots, heads, plan.context_length, head_dim)
        # Zeros instead of empty: a masked position still contributes 0 * value to the sum, and
        # uninitialised memory may hold NaN.
        self.layers = [torch.zeros(shape, device=device, dtype=dtype) for _ in range(layers)]
        # The same memory with one dimension for slot, head and position: pairs of keys and values
        # [slots * kv_heads * context_length, head_dim], which decode writes by index.
        self.flat_layers = [layer.view(2, -1, head_dim).unbind() for layer in self.layers]
        heads_of_slots = torch.arange(plan.slots * heads, device=device).view(plan.slots, heads)
        self._first_indices = heads_of_slots * plan.context_length
        self._slots = [Slot(index) for index in range(plan.slots)]
        self._clock = count(1)

    @property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(self._slots)

    @property
    def has_idle_slot(self) -> bool:
        return any(not slot.busy for slot in self._slots)

    def slot_mapping(self, positions: torch.Tensor) -> torch.Tensor:
        """Return the indices [rows, kv_heads] into `flat_layers` of a position in each first slot.

        `positions` is [rows]; row r belongs to slot r.
        """
        return self._first_indices[: len(positions)] + positions[:, None]

    def acquire_slot(self, prefix_ids: Sequence[int]) -> tuple[Slot, int]:
        """Return a slot for a prompt and its number of reusable tokens. One slot must be idle.

        Takes the idle slot with the longest common prefix, unless that slot would lose more tokens
        than it shares. Then an empty slot is better, or else the least recently used one, into
        which `copy_prefix` copies what is worth it. At least one token is left to prefill, since
        its logits are needed.
        """
        idle = [slot for slot in self._slots if not slot.busy]
        chosen = max(idle, key=lambda slot: slot.common_prefix(prefix_ids))
        shared = chosen.common_prefix(prefix_ids)
        if 2 * shared < len(chosen.prefix_ids):
            chosen = min(idle, key=lambda slot: (bool(slot.prefix_ids), slot.last_used))
            shared = chosen.common_prefix(prefix_ids)
        shared = min(shared, len(prefix_ids) - 1)
        chosen.busy = True
        chosen.prefix_ids = list(prefix_ids[:shared])
        return chosen, shared

    def release_slot(self, slot: Slot) -> None:
        """Mark a slot as idle. Its content stays for the next turn of the conversation."""
        slot.busy = False
        slot.last_used = next(self._clock)

    def clear_slot(self, slot: Slot) -> None:
        """Forget what a slot holds and zero it: a NaN in a masked position would spread."""
        slot.prefix_ids = []
        for layer in self.layers:
            layer[:, slot.index] = 0

    def copy_prefix(self, slot: Slot, prefix_ids: Sequence[int]) -> int:
        """Copy what another slot holds of this prompt, and return how much `slot` holds afterwards.

        The other slot may be busy. So two prompts with a long common prefix that are prefilled at
        the same time share the work: each copies what the other has computed.
        """
        length = len(slot.prefix_ids)
        donor, shared = slot, 0
        for other in self._slots:
            # One comparison rules most slots out before the binary search.
            if (
                len(other.prefix_ids) < length + MIN_SHARED_TOKENS
                or other.prefix_ids[length] != prefix_ids[length]
            ):
                continue
            common = other.common_prefix(prefix_ids)
            if common > shared:
                donor, shared = other, common
        shared = min(shared, len(prefix_ids) - 1)
        if shared < length + MIN_SHARED_TOKENS:
            return length
        for layer in self.layers:
            layer[:, slot.index, :, length:shared] = layer[:, donor.index, :, length:shared]
        slot.prefix_ids.extend(prefix_ids[length:shared])
        return shared

    def arrange_slots(self, running: Sequence[Slot]) -> None:
        """Move the running slots to the front, in this order, so that decode reads views.

        A slot moves only when the batch changes, and swaps at most its used positions; gathering
        scattered slots would copy the whole cache in every step.
        """
        for index, slot in enumerate(running):
            if slot.index != index:
                self._swap_slots(slot, self._slots[index])

    def _swap_slots(self, first: Slot, second: Slot) -> None:
        indices = [first.index, second.index]
        length = max(len(first.prefix_ids), len(second.prefix_ids))
        swapped: list[torch.Tensor] = []
        try:
            for layer in self.layers:
                layer[:, indices, :, :length] = layer[:, indices[::-1], :, :length]
                swapped.append(layer)
        finally:
            # The copy may run out of memory in the middle. A slot must never be half moved, so the
            # layers done so far are swapped back; their copies fitted a moment ago.
            if len(swapped) < len(self.layers):
                for layer in swapped:
                    layer[:, indices, :, :length] = layer[:, indices[::-1], :, :length]
        first.index, second.index = second.index, first.index
        self._slots[first.index], self._slots[second.index] = first, second
