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

MAX_OWNERS = 1024


@dataclass(eq=False, slots=True)
class Job:
    """Waits for a place or holds one. `ahead` is the number of jobs before it, as last reported."""

    owner: Hashable
    small: bool
    arrival: int
    on_wait: Callable[[int], None]
    ahead: int = -1
    in_small_place: bool = False
    admitted: asyncio.Event = field(default_factory=asyncio.Event)


class FairSemaphore:
    """`places` for any job, and `small_places` beside them for small jobs only.

    A waiting job ranks by the number of its owner's jobs that hold a place or arrived earlier: an
    owner's first job goes before the second of any other. Equal ranks go to the owner whose last
    job ended longest ago; an owner without one counts from the arrival of the job, so that a
    stream of new owners cannot starve it.

    The last free place is kept for an owner who holds none. Otherwise the slow jobs of one owner
    could fill all places, and the next owner would wait for the end of one of them.
    """

    def __init__(self, places: int, small_places: int = 0) -> None:
        self._places, self._small_places = places, small_places
        self._waiting: list[Job] = []
        self._holding: list[Job] = []
        # When the last job of an owner ended, on a clock that counts arrivals and ends.
        self._ended: dict[Hashable, int] = {}
        self._clock = count(1)

    @asynccontextmanager
    async def acquire(
        self,
        owner: str,
        *,
        small: bool = False,
        on_wait: Callable[[int], None] = lambda ahead: None,
    ) -> AsyncIterator[None]:
        """Hold a place inside the block. Each job with an owner of "" is an owner of its own.

        While the job waits, `on_wait` gets the number of jobs before it whenever that changes.
        Cancelling gives up the wait or the place at once.
        """
        job = Job(owner or object(), small, next(self._clock), on_wait)
        self._waiting.append(job)
        try:
            self._admit()
            await job.admitted.wait()
            yield
        finally:
            self._remove(job)
            self._admit()

    def _remove(self, job: Job) -> None:
        if job in self._waiting:
            self._waiting.remove(job)
            return
        self._holding.remove(job)
        if isinstance(job.owner, str):  # a job without an owner is the only one of its own
            self._record_end(job.owner)

    def _admit(self) -> None:
        """Give away the free places, and report to the jobs that still wait."""
        while (job := self._next()) is not None:
            self._waiting.remove(job)
            self._holding.append(job)
            job.admitted.set()
        for ahead, job in enumerate(self._ranked()):
            if job.ahead != ahead:
                job.ahead = ahead
                job.on_wait(ahead)

    def _next(self) -> Job | None:
        """Return the job that gets a place now, None if none may."""
        ranked = self._ranked()
        in_small_places = sum(job.in_small_place for job in self._holding)
        if in_small_places < self._small_places:
            for job in ranked:
                if job.small:
                    job.in_small_place = True
                    return job
        if not ranked:
            return None
        free = self._places - (len(self._holding) - in_small_places)
        holders = {job.owner for job in self._holding}
        # A single place is kept for no one: its owner could never have a second job.
        kept = 1 if ranked[0].owner in holders and self._places > 1 else 0
        return ranked[0] if free > kept else None

    def _ranked(self) -> list[Job]:
        """Return the waiting jobs, the next one first."""
        jobs_before = Counter(job.owner for job in self._holding)
        ranks: dict[Job, tuple[int, int, int]] = {}
        for job in self._waiting:
            last_end = self._ended.get(job.owner, job.arrival)
            ranks[job] = jobs_before[job.owner], last_end, job.arrival
            jobs_before[job.owner] += 1
        return sorted(ranks, key=ranks.__getitem__)

    def _record_end(self, owner: str) -> None:
        # Removed first, so that the dict is ordered by time: owners unseen for longest go first.
        self._ended.pop(owner, None)
        self._ended[owner] = next(self._clock)
        if len(self._ended) > MAX_OWNERS:
            del self._ended[next(iter(self._ended))]
