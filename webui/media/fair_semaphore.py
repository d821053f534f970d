"""A semaphore whose places go to owners in turn, with places of their own for small jobs.

Knows owners and jobs, no file and no process. Serves one event loop.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

MOST_OWNERS = 1024


@dataclass(eq=False, slots=True)
class Job:
    """Waits or holds a place. `ahead` is how many go before it, as last reported."""

    owner: Hashable
    small: bool
    arrival: int
    on_wait: Callable[[int], None]
    ahead: int = -1
    in_small_place: bool = False
    admitted: asyncio.Event = field(default_factory=asyncio.Event)


class FairSemaphore:
    """`places` for any job, `small_places` beside them for small ones only.

    Number each owner's jobs, those that hold a place first, then those that wait in the order of arrival; the lowest
    number goes first, and of equal ones that of the owner whose last turn ended longest ago. An owner without a turn
    counts from the arrival, so that a stream of new owners does not starve it. The last free place is kept for an owner
    who holds none: otherwise one owner's slow jobs in all places would make the next owner wait for one of them.
    """

    def __init__(self, places: int, small_places: int = 0) -> None:
        self._places, self._small_places = places, small_places
        self._waiting: list[Job] = []
        self._holding: list[Job] = []
        self._turns: dict[Hashable, int] = {}
        self._clock = count(1)

    @asynccontextmanager
    async def place(
        self,
        owner: str,
        *,
        small: bool = False,
        on_wait: Callable[[int], None] = lambda ahead: None,
    ) -> AsyncIterator[None]:
        """Holds a place inside the block. An owner of "" is one of its own.

        While the job waits, `on_wait` gets the number of jobs that go before it, whenever that changes. Cancelling
        gives up the wait or the place at once.
        """
        job = Job(owner or object(), small, next(self._clock), on_wait)
        self._waiting.append(job)
        try:
            self._admit()
            await job.admitted.wait()
            yield
        finally:
            self._leave(job)
            self._admit()

    def _leave(self, job: Job) -> None:
        if job in self._waiting:
            self._waiting.remove(job)
            return
        self._holding.remove(job)
        if isinstance(job.owner, str):  # an unnamed one has no next turn
            self._had_turn(job.owner)

    def _admit(self) -> None:
        """Give away the places that can be given, and report to those who still wait."""
        while (job := self._next()) is not None:
            self._waiting.remove(job)
            self._holding.append(job)
            job.admitted.set()
        for ahead, job in enumerate(self._order()):
            if job.ahead != ahead:
                job.ahead = ahead
                job.on_wait(ahead)

    def _next(self) -> Job | None:
        order = self._order()
        in_small_places = sum(job.in_small_place for job in self._holding)
        if in_small_places < self._small_places:
            for job in order:
                if job.small:
                    job.in_small_place = True
                    return job
        if not order:
            return None
        free = self._places - (len(self._holding) - in_small_places)
        holders = {job.owner for job in self._holding}
        kept = 1 if order[0].owner in holders and self._places > 1 else 0
        return order[0] if free > kept else None

    def _order(self) -> list[Job]:
        held = Counter(job.owner for job in self._holding)
        keys: dict[Job, tuple[int, int, int]] = {}
        for job in self._waiting:
            keys[job] = held[job.owner], self._turns.get(job.owner, job.arrival), job.arrival
            held[job.owner] += 1
        return sorted(keys, key=keys.__getitem__)

    def _had_turn(self, owner: str) -> None:
        # Owners who come back are remembered, those unseen for longest are not.
        self._turns.pop(owner, None)
        self._turns[owner] = next(self._clock)
        if len(self._turns) > MOST_OWNERS:
            del self._turns[next(iter(self._turns))]
