"""Encoder: prompts are built on threads of its own, off the event loops and off the worker, in fair turns by owner."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from threading import Condition, Thread
from time import perf_counter

from webui.engine.prompts import Prompt
from webui.errors import EngineStoppedError

LONGEST_REST_S = 0.02
Part = Callable[[Prompt], Prompt]


@dataclass(order=True, slots=True)
class Job:
    """`turn`: how many jobs of the same owner went before it and were not done yet. Lower turns go first.

    Done in parts: `build` makes the prompt, then each of `parts` adds to it.
    """

    turn: int
    ticket: int
    owner: str = field(compare=False)
    build: Callable[[], Prompt] = field(compare=False)
    parts: list[Part] = field(compare=False)
    prompt: Prompt | None = field(compare=False, default=None)
    future: Future[Prompt] = field(compare=False, default_factory=Future)

    @property
    def late(self) -> bool:
        return self.turn > 0


class Encoder:
    """A few threads, so that fifty documents of one person neither take all cores nor keep the next person waiting.

    A job is late if its owner had others before it. Of several threads one is always free of late jobs, and after each
    part of one a thread rests for as long as the part took; who comes first does not wait for that.
    """

    def __init__(self, threads: int, longest_rest_s: float = LONGEST_REST_S) -> None:
        self._longest_rest_s = longest_rest_s
        self._late, self._most_late = 0, max(threads - 1, 1)
        self._jobs: list[Job] = []
        self._tickets = count()
        self._turns: Counter[str] = Counter()
        self._futures: dict[str, Future[Prompt]] = {}
        self._changed = Condition()
        self._closed = False
        self._threads = [Thread(target=self._work, name="encoder", daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    async def encode(self, request_id: str, owner: str, build: Callable[[], Prompt], *parts: Part) -> Prompt | None:
        """The prompt; None if the request was aborted before it was there."""
        future = self._submit(owner, build, list(parts))
        self._futures[request_id] = future
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            # Cancelled by abort, which took the future away, or together with the caller's task.
            if self._futures.get(request_id) is future:
                raise
            return None
        finally:
            if self._futures.get(request_id) is future:
                del self._futures[request_id]

    def abort(self, request_id: str) -> None:
        future = self._futures.pop(request_id, None)
        if future is not None:
            future.cancel()

    def close(self) -> None:
        """Ends once what has been submitted is done, so that nobody waits for ever."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _submit(self, owner: str, build: Callable[[], Prompt], parts: list[Part]) -> Future[Prompt]:
        with self._changed:
            if self._closed:
                raise EngineStoppedError(reason="it was closed")
            job = Job(self._turns[owner], next(self._tickets), owner, build, parts)
            heappush(self._jobs, job)
            self._turns[owner] += 1
            self._changed.notify_all()
        return job.future

    def _work(self) -> None:
        rested = 0.0
        while (job := self._next(rested)) is not None:
            start = perf_counter()
            done = job.future.cancelled() or _advance(job)
            now = perf_counter()
            # Building holds on to the interpreter, which the worker needs for each of its operations: who sends many
            # requests at once must not slow down everybody's steps.
            rested = now + min(now - start, self._longest_rest_s) if job.late else 0.0
            self._put_back(job, done)

    def _next(self, rested: float) -> Job | None:
        """Whose turn it is. None at the end."""
        with self._changed:
            while (wait := self._until_next(rested)) != 0.0:
                if self._closed and not self._jobs:
                    return None
                self._changed.wait(wait)
            job = heappop(self._jobs)
            self._late += job.late
            return job

    def _until_next(self, rested: float) -> float | None:
        """Seconds until this thread, rested by then, may take the first job; None: not before something changes."""
        if not self._jobs:
            return None
        if not self._jobs[0].late:
            return 0.0
        return max(rested - perf_counter(), 0.0) if self._late < self._most_late else None

    def _put_back(self, job: Job, done: bool) -> None:
        with self._changed:
            self._late -= job.late
            if done:
                self._turns[job.owner] -= 1
                if not self._turns[job.owner]:
                    del self._turns[job.owner]
            else:
                heappush(self._jobs, job)
            self._changed.notify_all()


def _advance(job: Job) -> bool:
    """Do the next part; whether that was the last. The future may be cancelled up to the moment of its result."""
    try:
        job.prompt = job.build() if job.prompt is None else job.parts.pop(0)(job.prompt)
    except Exception as error:
        if job.future.set_running_or_notify_cancel():
            job.future.set_exception(error)
        return True
    if job.parts:
        return False
    if job.future.set_running_or_notify_cancel():
        job.future.set_result(job.prompt)
    return True
