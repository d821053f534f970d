"""Keys and values in slots: one row of each layer's tensors per conversation, kept for its next turn.

Knows lengths, indices and prompt keys; knows no request, no scheduling and no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import torch

from webui.engine.planning.plan import CachePlan as CachePlan

# Fewer tokens are read faster than copied.
MIN_SHARED_TOKENS = 16


@dataclass(slots=True)
class Slot:
    """One conversation's place. `keys` tells which tokens its first len(keys) positions hold."""

    index: int
    prefix_ids: list[int] = field(default_factory=list)
    busy: bool = False
    last_used: int = 0

    def common_prefix(self, keys: Sequence[int]) -> int:
        """How many leading tokens of a prompt are already here."""
        same, unknown = 0, min(len(self.prefix_ids), len(keys))
        # Halving compares whole slices, which is a hundred times faster than token by token.
        while same < unknown:
            middle = (same + unknown + 1) // 2
            if self.prefix_ids[same:middle] == keys[same:middle]:
                same = middle
            else:
                unknown = middle - 1
        return same


class KVCache:
    """Slots of `context_length` tokens: per layer one tensor [2, slots, kv_heads, context_length, head_dim].

    The first half are keys, the second values. The last position of a slot is never asked for by a sequence, whose
    newest token is not in its slot yet.
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
        # Zeros, not empty: a masked position still takes part in 0 x value, and stray memory may hold NaN.
        self.layers = [torch.zeros(shape, device=device, dtype=dtype) for _ in range(layers)]
        # The same memory, place after place: (keys, values), each [slots * kv_heads * context_length, head_dim].
        self.flat = [layer.view(2, -1, head_dim).unbind() for layer in self.layers]
        heads_of_slots = torch.arange(plan.slots * heads, device=device).view(plan.slots, heads)
        self._first_places = heads_of_slots * plan.context_length
        self._slots = [Slot(index) for index in range(plan.slots)]
        self._clock = count(1)

    @property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(self._slots)

    def places(self, positions: torch.Tensor) -> torch.Tensor:
        """[rows, kv_heads]: where in `flat` a token at such a position [rows] of each of the first slots stands."""
        return self._first_places[: len(positions)] + positions[:, None]

    def acquire_slot(self, keys: Sequence[int]) -> tuple[Slot, int] | None:
        """A slot for a prompt and how many of its tokens need no prefill; None if all are busy.

        The slot that shares most with the prompt is taken if what it would lose is less than what it shares; else an
        empty one, else the one unused for longest, into which `share` copies what is worth it. At least one token is
        left to prefill: its logits are needed.
        """
        idle = [slot for slot in self._slots if not slot.busy]
        if not idle:
            return None
        shared, best = max(
            ((slot.common_prefix(keys), slot) for slot in idle), key=lambda pair: pair[0]
        )
        if 2 * shared < len(best.prefix_ids):
            best = min(idle, key=lambda slot: (bool(slot.prefix_ids), slot.last_used))
            shared = best.common_prefix(keys)
        shared = min(shared, len(keys) - 1)
        best.busy = True
        best.prefix_ids = list(keys[:shared])
        return best, shared

    def release_slot(self, slot: Slot) -> None:
        """The slot's keys and values stay for the conversation's next turn."""
        slot.busy = False
        slot.last_used = next(self._clock)

    def clear_slot(self, slot: Slot) -> None:
        """Forget what the slot holds, its numbers too: a masked position that holds NaN spoils the row that sees it."""
        slot.prefix_ids = []
        for layer in self.layers:
            layer[:, slot.index] = 0

    def copy_prefix(self, slot: Slot, keys: Sequence[int]) -> int:
        """Copy what another slot, busy or not, has of this prompt beyond what is here. Returns what is here then.

        Two prompts with a long prefix in common, read at the same time, so take turns in reading it for both.
        """
        here = len(slot.prefix_ids)
        ahead = [
            other
            for other in self._slots
            if len(other.prefix_ids) >= here + MIN_SHARED_TOKENS
            and other.prefix_ids[here] == keys[here]
        ]
        found, donor = max(
            ((other.common_prefix(keys), other.index) for other in ahead), default=(0, 0)
        )
        shared = min(found, len(keys) - 1)
        if shared < here + MIN_SHARED_TOKENS:
            return here
        for layer in self.layers:
            layer[:, slot.index, :, here:shared] = layer[:, donor, :, here:shared]
        slot.prefix_ids.extend(keys[here:shared])
        return shared

    def arrange_slots(self, running: Sequence[Slot]) -> None:
        """Bring the running slots to the front in this order, so that a decode step reads views, never copies."""
        for index, slot in enumerate(running):
            if slot.index != index:
                self._swap(slot, self._slots[index])

    def _swap(self, one: Slot, other: Slot) -> None:
        pair, length = [one.index, other.index], max(len(one.prefix_ids), len(other.prefix_ids))
        done: list[torch.Tensor] = []
        try:
            for layer in self.layers:
                layer[:, pair, :, :length] = layer[:, pair[::-1], :, :length]
                done.append(layer)
        finally:
            if len(done) < len(
                self.layers
            ):  # no memory for the next one: all of a slot's layers stay where they were
                for layer in done:
                    layer[:, pair, :, :length] = layer[:, pair[::-1], :, :length]
        one.index, other.index = other.index, one.index
        self._slots[one.index], self._slots[other.index] = one, other
