"""Scheduler: which sequences wait, are prefilled and are decoded. No torch, no thread, no text."""

from __future__ import annotations

from collections import Counter, abc, deque
from itertools import count, zip_longest

from webui.engine.sequence import Sequence

MAX_REMEMBERED_OWNERS = 1024


class Scheduler:
    """Shares `slots` slots and the prefill fairly among owners. Every decoding row takes each step.

    Slots: waiting requests are ordered by (the owner's active plus earlier waiting requests, the
    time of the owner's last admission, arrival). Owners with fewer requests therefore come first,
    and equal ones alternate. The last free slot is reserved for an owner who holds none. Otherwise
    the long answers of one user in all slots would make the next user wait until one of them ends.
    The price is one slot less for a user who is alone and asks for all of them.

    Prefill: owners alternate by chunks, a new one first. Within one owner, the first prompt is
    prefilled to its end. Tokens left in a pass go to the prompts that come next in this order.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._waiting: list[Sequence] = []
        # The waiting sequences in the order of admission; None after a change.
        self._admission_order: list[Sequence] | None = []
        # Per owner, the number of the admission that was their last. Oldest owner first.
        self._last_admissions: dict[str, int] = {}
        self._admission_numbers = count(1)
        # Sequences in prefill by owner. The order of the owners is the order of their next chunks.
        self._prefilling: dict[str, deque[Sequence]] = {}
        self.decoding: list[Sequence] = []

    def __iter__(self) -> abc.Iterator[Sequence]:
        yield from self._waiting
        yield from self._with_slot()

    def _with_slot(self) -> abc.Iterator[Sequence]:
        for queue in self._prefilling.values():
            yield from queue
        yield from self.decoding

    @property
    def is_idle(self) -> bool:
        return not (self._waiting or self._prefilling or self.decoding)

    @property
    def waiting(self) -> list[Sequence]:
        """The waiting sequences in the order of admission; a new list whenever it changed."""
        if self._admission_order is None:
            requests_of = Counter(sequence.owner for sequence in self._with_slot())
            ranks = []
            for arrival, sequence in enumerate(self._waiting):
                owner = sequence.owner
                ranks.append((requests_of[owner], self._last_admissions.get(owner, 0), arrival))
                requests_of[owner] += 1
            self._admission_order = [self._waiting[arrival] for *_, arrival in sorted(ranks)]
        return self._admission_order

    def next_admission(self) -> Sequence | None:
        """Return the sequence that may acquire a slot now."""
        if not self.waiting:
            return None
        first = self.waiting[0]
        holders = [sequence.owner for sequence in self._with_slot()]
        reserved = 1 if first.owner in holders and self._slots > 1 else 0
        return first if len(holders) + reserved < self._slots else None

    @property
    def prefill_order(self) -> list[Sequence]:
        """The sequences in prefill: the first of each owner, then the second of each, and so on."""
        order: list[Sequence] = []
        for rank in zip_longest(*self._prefilling.values()):
            order.extend(sequence for sequence in rank if sequence is not None)
        return order

    def record_chunk(self, sequence: Sequence) -> None:
        """Move the owner of a prefilled chunk behind all other owners."""
        if sequence.owner in self._prefilling:
            self._prefilling[sequence.owner] = self._prefilling.pop(sequence.owner)

    def add_waiting(self, sequence: Sequence) -> None:
        """Queue a new sequence."""
        self._waiting.append(sequence)
        self._admission_order = None

    def start_prefill(self, sequence: Sequence) -> None:
        """Move a waiting sequence, which has acquired its slot, to prefill."""
        self._waiting.remove(sequence)
        self._admission_order = None
        # Inserted anew, so that the first owner of the dict is the one unseen for longest.
        self._last_admissions.pop(sequence.owner, None)
        self._last_admissions[sequence.owner] = next(self._admission_numbers)
        if len(self._last_admissions) > MAX_REMEMBERED_OWNERS:
            del self._last_admissions[next(iter(self._last_admissions))]
        if sequence.owner in self._prefilling:
            self._prefilling[sequence.owner].append(sequence)
        else:
            self._prefilling = {sequence.owner: deque([sequence]), **self._prefilling}

    def start_decode(self, sequence: Sequence) -> None:
        """Move a sequence whose prompt is prefilled to decode, from the next step on."""
        self._remove_from_prefill(sequence)
        self.decoding.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Remove a sequence, wherever it is. Ignored if it has been removed.

        The last decoding row takes the place of a removed one, so that at most one row of the
        cache moves.
        """
        self._admission_order = None
        if sequence in self._waiting:
            self._waiting.remove(sequence)
        elif sequence in self.decoding:
            index = self.decoding.index(sequence)
            last = self.decoding.pop()
            if last is not sequence:
                self.decoding[index] = last
        else:
            self._remove_from_prefill(sequence)

    def find_by_request_id(self, request_id: str) -> list[Sequence]:
        return [sequence for sequence in self if sequence.id == request_id]

    def _remove_from_prefill(self, sequence: Sequence) -> None:
        queue = self._prefilling.get(sequence.owner, deque())
        if sequence in queue:
            queue.remove(sequence)
            if not queue:
                del self._prefilling[sequence.owner]
