"""InputProcessor: builds prompts on threads of its own, off the event loops and off the worker."""

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
from webui.engine.serving.engine_errors import engine_closed_error
from webui.errors import WebUIError
from webui.protocol import FinishReason

MAX_PAUSE_S = 0.02
# Prompts whose images are encoded in one pass. On a CPU a pass is hundreds of short operations,
# before each of which a thread waits for the interpreter: the fewer passes, the better, as long as
# no thread is without work.
MAX_BATCH = 8
EncodeAhead = Callable[[list[Prompt]], list[Prompt]]


@dataclass(order=True, slots=True)
class PromptJob:
    """One prompt to build, and then to encode the images of. Sorted by priority.

    `priority` counts the unfinished jobs that the same owner had before. Among jobs of equal
    priority, all are built first: that is quick, and their images can then be encoded together.
    """

    priority: int
    is_built: bool
    arrival: int
    owner: str = field(compare=False)
    build: Callable[[], Prompt] = field(compare=False)
    prompt: Prompt = field(compare=False, init=False)
    future: Future[Prompt] = field(compare=False, default_factory=Future)
    finish_reason: FinishReason | None = field(compare=False, default=None)

    @property
    def is_throttled(self) -> bool:
        return self.priority > 0


class InputProcessor:
    """A few threads that owners share fairly.

    The first request of an owner is processed at once. Later ones, while it is unfinished, are
    throttled: at most all threads but one work on them, their images are encoded one request at a
    time, and after each part the thread pauses for as long as the part took, up to `max_pause_s`.
    Building holds the interpreter, which the worker needs for each of its operations; without the
    pauses, one owner's fifty documents would slow down the steps of all.

    `encode_ahead` adds to several prompts the image features that can be computed before prefill.
    """

    def __init__(
        self,
        encode_ahead: EncodeAhead,
        threads: int,
        max_pause_s: float = MAX_PAUSE_S,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._encode_ahead, self._max_pause_s, self._clock = encode_ahead, max_pause_s, clock
        # Threads at work on throttled jobs, and on images.
        self._throttled, self._max_throttled = 0, max(threads - 1, 1)
        self._encoding = 0
        self._queue: list[PromptJob] = []
        self._arrivals = count()
        self._jobs_of: Counter[str] = Counter()
        self._unfinished: dict[str, PromptJob] = {}
        self._changed = Condition()
        self._make_refusal: Callable[[], WebUIError] | None = None
        self._threads = [
            Thread(target=self._process_jobs, name="input-processor", daemon=True)
            for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def process(
        self, request_id: str, owner: str, build: Callable[[], Prompt]
    ) -> Prompt | FinishReason:
        """Return the prompt, or the reason if the request was finished before it is returned."""
        job = self._submit(owner, build)
        self._unfinished[request_id] = job
        try:
            prompt = await asyncio.wrap_future(job.future)
        except asyncio.CancelledError:
            # Cancelled by `finish_request`, or together with the caller's task.
            if job.finish_reason is None:
                raise
            return job.finish_reason
        finally:
            if self._unfinished.get(request_id) is job:
                del self._unfinished[request_id]
        # The prompt may have been ready when `finish_request` was called, with this task not yet
        # resumed.
        return job.finish_reason or prompt

    def finish_request(self, request_id: str, reason: FinishReason) -> None:
        """End the job of the request. Ignored if it has none; the first reason counts."""
        job = self._unfinished.pop(request_id, None)
        if job is not None:
            job.finish_reason = reason
            job.future.cancel()

    def refuse_requests(self, make_refusal: Callable[[], WebUIError]) -> None:
        """Fail all jobs, and those submitted later, with that error. Does not block."""
        with self._changed:
            self._make_refusal = self._make_refusal or make_refusal
            queue, self._queue = self._queue, []
            self._changed.notify_all()
        for job in queue:
            _fail_job(job, make_refusal())

    def close(self, make_refusal: Callable[[], WebUIError] = engine_closed_error) -> None:
        """Stop, and wait for the work in progress."""
        self.refuse_requests(make_refusal)
        for thread in self._threads:
            thread.join()

    def _submit(self, owner: str, build: Callable[[], Prompt]) -> PromptJob:
        with self._changed:
            if self._make_refusal is not None:
                raise self._make_refusal()
            job = PromptJob(self._jobs_of[owner], False, next(self._arrivals), owner, build)
            heappush(self._queue, job)
            self._jobs_of[owner] += 1
            self._changed.notify_all()
        return job

    def _process_jobs(self) -> None:
        paused_until = 0.0
        while jobs := self._take_jobs(paused_until):
            start = self._clock()
            if jobs[0].is_built:
                self._encode_images([job for job in jobs if not job.future.cancelled()])
            elif not jobs[0].future.cancelled():
                _build_prompt(jobs[0])
            end = self._clock()
            paused_until = 0.0
            if jobs[0].is_throttled:
                paused_until = end + min(end - start, self._max_pause_s)
            self._return_jobs(jobs)

    def _take_jobs(self, paused_until: float) -> list[PromptJob]:
        """Wait for the first job, and return it with those to encode together with it.

        Return an empty list at the end.
        """
        with self._changed:
            while (wait_s := self._seconds_to_wait(paused_until)) != 0.0:
                if self._make_refusal is not None:
                    return []
                self._changed.wait(wait_s)
            jobs = [heappop(self._queue) for _ in range(self._batch_size())]
            self._throttled += jobs[0].is_throttled
            self._encoding += jobs[0].is_built
        return jobs

    def _batch_size(self) -> int:
        """Return this thread's equal share of the unthrottled jobs to encode, otherwise 1."""
        if self._queue[0].is_throttled or not self._queue[0].is_built:
            return 1
        unthrottled = sum(not job.is_throttled for job in self._queue)
        return min(ceil(unthrottled / (len(self._threads) - self._encoding)), MAX_BATCH)

    def _seconds_to_wait(self, paused_until: float) -> float | None:
        """Return the seconds until this thread may take the first job.

        None: not before another thread changes something.
        """
        if not self._queue:
            return None
        if not self._queue[0].is_throttled:
            return 0.0
        if self._throttled >= self._max_throttled:
            return None
        return max(paused_until - self._clock(), 0.0)

    def _encode_images(self, jobs: list[PromptJob]) -> None:
        """Encode the images of these jobs in one pass; if it fails, each job in its own pass."""
        try:
            prompts = self._encode_ahead([job.prompt for job in jobs])
            encoded = list(zip(jobs, prompts, strict=True))
        except Exception as error:
            if len(jobs) == 1:
                _fail_job(jobs[0], error)
            else:
                for job in jobs:
                    self._encode_images([job])
            return
        for job, prompt in encoded:
            # The future may be cancelled up to this call.
            if job.future.set_running_or_notify_cancel():
                job.future.set_result(prompt)

    def _return_jobs(self, jobs: list[PromptJob]) -> None:
        """Queue the jobs that are built for encoding; the others are done."""
        with self._changed:
            self._throttled -= jobs[0].is_throttled
            self._encoding -= jobs[0].is_built
            for job in jobs:
                if not job.is_built and not job.future.done() and self._make_refusal is None:
                    job.is_built = True
                    heappush(self._queue, job)
                else:
                    self._jobs_of[job.owner] -= 1
                    if not self._jobs_of[job.owner]:
                        del self._jobs_of[job.owner]
            make_refusal = self._make_refusal
            self._changed.notify_all()
        if make_refusal is not None:
            for job in jobs:
                _fail_job(job, make_refusal())


def _build_prompt(job: PromptJob) -> None:
    try:
        job.prompt = job.build()
    except Exception as error:
        _fail_job(job, error)


def _fail_job(job: PromptJob, error: Exception) -> None:
    if not job.future.done() and job.future.set_running_or_notify_cancel():
        job.future.set_exception(error)
