"""InputProcessor: build prompts on threads of its own, off the event loops and the worker, fairly by owner."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import ceil
from threading import Condition, Thread
from time import perf_counter

from webui.engine.prompt import Prompt
from webui.engine.serving.engine_errors import closed
from webui.errors import WebUIError

LONGEST_REST_S = 0.02
# So many prompts at most are looked at in one pass. On a CPU a pass is hundreds of short operations, before each of
# which a thread waits for the interpreter: the fewer passes, the better, as long as no thread has nothing to do.
MOST_TOGETHER = 8
Look = Callable[[list[Prompt]], list[Prompt]]


@dataclass(order=True, slots=True)
class PromptJob:
    """`turn`: how many jobs of the same owner went before it and were not done yet. Lower turns go first.

    Done in two parts, building the prompt and looking at its pictures. Of one turn, all are built first: that is
    quick, and several can then be looked at together.
    """

    turn: int
    built: bool
    ticket: int
    owner: str = field(compare=False)
    build: Callable[[], Prompt] = field(compare=False)
    prompt: Prompt = field(compare=False, init=False)
    future: Future[Prompt] = field(compare=False, default_factory=Future)

    @property
    def late(self) -> bool:
        return self.turn > 0


class InputProcessor:
    """A few threads, so that fifty documents of one person neither take all cores nor keep the next person waiting.

    `look` adds to several prompts what can be made of their pictures ahead. A job is late if its owner had others
    before it. Of several threads one is always free of late jobs, and after each part of one a thread rests for as
    long as the part took; who comes first does not wait for that. Late jobs are looked at one by one.
    """

    def __init__(self, look: Look, threads: int, longest_rest_s: float = LONGEST_REST_S) -> None:
        self._look, self._longest_rest_s = look, longest_rest_s
        self._late, self._most_late = 0, max(threads - 1, 1)
        self._looking = 0
        self._jobs: list[PromptJob] = []
        self._tickets = count()
        self._turns: Counter[str] = Counter()
        self._futures: dict[str, Future[Prompt]] = {}
        self._changed = Condition()
        self._refusal: Callable[[], WebUIError] | None = None
        self._threads = [
            Thread(target=self._work, name="encoder", daemon=True) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def encode(
        self, request_id: str, owner: str, build: Callable[[], Prompt]
    ) -> Prompt | None:
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

    def stop(self, refusal: Callable[[], WebUIError]) -> None:
        """Fail the jobs that wait, and those submitted later, with that error. Does not block."""
        with self._changed:
            self._refusal = self._refusal or refusal
            left, self._jobs = self._jobs, []
            self._changed.notify_all()
        for job in left:
            _fail(job, refusal())

    def close(self, refusal: Callable[[], WebUIError] = closed) -> None:
        """Stop, and wait for what is being done."""
        self.stop(refusal)
        for thread in self._threads:
            thread.join()

    def _submit(self, owner: str, build: Callable[[], Prompt]) -> Future[Prompt]:
        with self._changed:
            if self._refusal is not None:
                raise self._refusal()
            job = PromptJob(self._turns[owner], False, next(self._tickets), owner, build)
            heappush(self._jobs, job)
            self._turns[owner] += 1
            self._changed.notify_all()
        return job.future

    def _work(self) -> None:
        rested = 0.0
        while jobs := self._next(rested):
            start = perf_counter()
            if jobs[0].built:
                self._look_at([job for job in jobs if not job.future.cancelled()])
            elif not jobs[0].future.cancelled():
                _build(jobs[0])
            now = perf_counter()
            # Building holds on to the interpreter, which the worker needs for each of its operations: who sends many
            # requests at once must not slow down everybody's steps.
            rested = now + min(now - start, self._longest_rest_s) if jobs[0].late else 0.0
            self._put_back(jobs)

    def _next(self, rested: float) -> list[PromptJob]:
        """The job whose turn it is, and those that can be looked at together with it; none at the end."""
        with self._changed:
            while (wait := self._until_next(rested)) != 0.0:
                if self._refusal is not None:
                    return []
                self._changed.wait(wait)
            jobs = [heappop(self._jobs) for _ in range(self._together())]
            self._late += jobs[0].late
            self._looking += jobs[0].built
        return jobs

    def _together(self) -> int:
        """How many of the first jobs this thread takes: of those to be looked at and not late its share, else one."""
        if self._jobs[0].late or not self._jobs[0].built:
            return 1
        waiting = sum(not job.late for job in self._jobs)
        return min(ceil(waiting / (len(self._threads) - self._looking)), MOST_TOGETHER)

    def _until_next(self, rested: float) -> float | None:
        """Seconds until this thread, rested by then, may take the first job; None: not before something changes."""
        if not self._jobs:
            return None
        if not self._jobs[0].late:
            return 0.0
        return max(rested - perf_counter(), 0.0) if self._late < self._most_late else None

    def _look_at(self, jobs: list[PromptJob]) -> None:
        """If it fails for several, each is tried alone: the error is for those only who cause it."""
        try:
            done = list(zip(jobs, self._look([job.prompt for job in jobs]), strict=True))
        except Exception as error:
            if len(jobs) == 1:
                _fail(jobs[0], error)
            else:
                for job in jobs:
                    self._look_at([job])
            return
        for job, prompt in done:
            # The future may be cancelled up to the moment of its result.
            if job.future.set_running_or_notify_cancel():
                job.future.set_result(prompt)

    def _put_back(self, jobs: list[PromptJob]) -> None:
        """Those that are built, to be looked at; the rest is done."""
        with self._changed:
            self._late -= jobs[0].late
            self._looking -= jobs[0].built
            for job in jobs:
                if not job.built and not job.future.done() and self._refusal is None:
                    job.built = True
                    heappush(self._jobs, job)
                else:
                    self._turns[job.owner] -= 1
                    if not self._turns[job.owner]:
                        del self._turns[job.owner]
            refusal = self._refusal
            self._changed.notify_all()
        if refusal is not None:
            for job in jobs:
                _fail(job, refusal())


def _build(job: PromptJob) -> None:
    try:
        job.prompt = job.build()
    except Exception as error:
        _fail(job, error)


def _fail(job: PromptJob, error: Exception) -> None:
    if not job.future.done() and job.future.set_running_or_notify_cancel():
        job.future.set_exception(error)
