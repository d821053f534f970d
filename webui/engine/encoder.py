"""Encoder: prompts are built on threads of its own, off the event loops and off the worker, in fair turns by owner."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count
from queue import PriorityQueue
from threading import Lock, Thread
from time import perf_counter, sleep

from webui.engine.prompts import Prompt
from webui.errors import EngineStoppedError

LAST = 2**31
LONGEST_REST_S = 0.02


@dataclass(order=True, slots=True)
class Job:
    """`turn`: how many jobs of the same owner went before it and were not done yet. Lower turns go first."""

    turn: int
    ticket: int
    owner: str = field(compare=False, default="")
    build: Callable[[], Prompt] | None = field(compare=False, default=None)
    future: Future[Prompt] = field(compare=False, default_factory=Future)


class Encoder:
    """A few threads, so that fifty documents of one person neither take all cores nor keep the next person waiting.

    After a job whose owner had others before it, a thread rests for as long as it took, but not so long that who comes
    next would notice.
    """

    def __init__(self, threads: int) -> None:
        self._jobs: PriorityQueue[Job] = PriorityQueue()
        self._tickets = count()
        self._turns: Counter[str] = Counter()
        self._futures: dict[str, Future[Prompt]] = {}
        self._lock = Lock()
        self._closed = False
        self._threads = [Thread(target=self._work, name="encoder", daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    async def encode(self, request_id: str, owner: str, build: Callable[[], Prompt]) -> Prompt | None:
        """The prompt; None if the request was aborted before it was there."""
        future = self._submit(owner, build)
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
        with self._lock:
            self._closed = True
            for _ in self._threads:
                self._jobs.put(Job(LAST, next(self._tickets)))
        for thread in self._threads:
            thread.join()

    def _submit(self, owner: str, build: Callable[[], Prompt]) -> Future[Prompt]:
        with self._lock:
            if self._closed:
                raise EngineStoppedError(reason="it was closed")
            job = Job(self._turns[owner], next(self._tickets), owner, build)
            self._jobs.put(job)
            self._turns[owner] += 1
        return job.future

    def _work(self) -> None:
        while (job := self._jobs.get()).build is not None:
            if not job.future.cancelled():
                start = perf_counter()
                _run(job.build, job.future)
                if job.turn:
                    # Building holds on to the interpreter, which the worker needs for each of its operations: who
                    # sends many requests at once must not slow down everybody's steps.
                    sleep(min(perf_counter() - start, LONGEST_REST_S))
            with self._lock:
                self._turns[job.owner] -= 1
                if not self._turns[job.owner]:
                    del self._turns[job.owner]


def _run(build: Callable[[], Prompt], future: Future[Prompt]) -> None:
    """The future may be cancelled up to the moment in which the result is there."""
    try:
        prompt = build()
    except Exception as error:
        if future.set_running_or_notify_cancel():
            future.set_exception(error)
        return
    if future.set_running_or_notify_cancel():
        future.set_result(prompt)
