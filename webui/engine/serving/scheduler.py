"""Who waits, who is prefilled, who decodes. Pure bookkeeping: no torch, no thread, no text."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from itertools import count, zip_longest

from webui.engine.sequence import Sequence

MOST_OWNERS = 1024


class Scheduler:
    """Fair turns by owner; every sequence that runs writes a token in every step.

    Slots: number each owner's requests, those that hold a slot first, then those that wait in the order of arrival;
    the lowest number goes first, and of equal ones that of the owner whose last turn is longest ago. So owners take
    turns, and whoever holds nothing comes before whoever holds much. The last free slot is kept for an owner who holds
    none: without it, one person's long answers in all slots would make the next person wait for one of them to end.
    The price is one slot less for somebody who is alone and asks for all of them.

    Prefill: chunks for each owner in turn, at once for one who comes; within one owner, the first prompt is read to its
    end. What room a pass has beyond that is for those who come next.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._waiting: list[Sequence] = []
        self._order: list[Sequence] | None = []
        self._turns: dict[str, int] = {}
        self._clock = count(1)
        self._prefilling: dict[str, deque[Sequence]] = {}
        self.running: list[Sequence] = []

    def __iter__(self) -> Iterator[Sequence]:
        yield from self._waiting
        yield from self._with_slot()

    def _with_slot(self) -> Iterator[Sequence]:
        for queue in self._prefilling.values():
            yield from queue
        yield from self.running

    @property
    def idle(self) -> bool:
        return not (self._waiting or self._prefilling or self.running)

    @property
    def waiting(self) -> list[Sequence]:
        """In the order in which they will get a slot if nobody else comes. A new list whenever that order changed."""
        if self._order is None:
            held = Counter(sequence.owner for sequence in self._with_slot())
            numbers = []
            for arrival, sequence in enumerate(self._waiting):
                numbers.append((held[sequence.owner], self._turns.get(sequence.owner, 0), arrival))
                held[sequence.owner] += 1
            self._order = [self._waiting[arrival] for *_, arrival in sorted(numbers)]
        return self._order

    def next_admission(self) -> Sequence | None:
        """Who may ask for a slot now."""
        if not self.waiting:
            return None
        first, holders = self.waiting[0], [sequence.owner for sequence in self._with_slot()]
        kept = 1 if first.owner in holders and self._slots > 1 else 0
        return first if len(holders) + kept < self._slots else None

    @property
    def prefilling(self) -> list[Sequence]:
        """Whose turn it is to have a chunk read, and who comes next: the first prompt of each owner, then others."""
        rounds = zip_longest(*self._prefilling.values())
        return [sequence for each in rounds for sequence in each if sequence is not None]

    def had_turn(self, sequence: Sequence) -> None:
        """A chunk of its prompt was read: its owner's next turn comes after those of all others."""
        if sequence.owner in self._prefilling:
            self._prefilling[sequence.owner] = self._prefilling.pop(sequence.owner)

    def add(self, sequence: Sequence) -> None:
        self._waiting.append(sequence)
        self._order = None

    def admit(self, sequence: Sequence) -> None:
        """It got its slot."""
        self._waiting.remove(sequence)
        self._order = None
        # Owners who come back are remembered, those unseen for longest are not.
        self._turns.pop(sequence.owner, None)
        self._turns[sequence.owner] = next(self._clock)
        if len(self._turns) > MOST_OWNERS:
            del self._turns[next(iter(self._turns))]
        if sequence.owner in self._prefilling:
            self._prefilling[sequence.owner].append(sequence)
        else:
            self._prefilling = {sequence.owner: deque([sequence]), **self._prefilling}

    def start(self, sequence: Sequence) -> None:
        """Its prompt is read: it decodes from the next step on."""
        self._leave_prefill(sequence)
        self.running.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """It ended, wherever it was. The last running row takes its place, so that at most one row moves."""
        self._order = None
        if sequence in self._waiting:
            self._waiting.remove(sequence)
        elif sequence in self.running:
            index = self.running.index(sequence)
            last = self.running.pop()
            if last is not sequence:
                self.running[index] = last
        else:
            self._leave_prefill(sequence)

    def find(self, request_id: str) -> list[Sequence]:
        return [sequence for sequence in self if sequence.id == request_id]

    def _leave_prefill(self, sequence: Sequence) -> None:
        queue = self._prefilling.get(sequence.owner, deque())
        if sequence in queue:
            queue.remove(sequence)
            if not queue:
                del self._prefilling[sequence.owner]
