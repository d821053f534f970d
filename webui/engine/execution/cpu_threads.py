"""CpuThreads: the number of threads that torch uses on a CPU, by size of the work and load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from threading import Lock
from time import perf_counter

import torch

from webui.engine.planning.host_memory import usable_cores

# As many as torch uses by default, but no more than the container may use.
ALL_CORES = min(torch.get_num_threads(), usable_cores())
ALL_BUT_ONE = max(1, min(ALL_CORES, usable_cores() - 1))
# Larger decode steps and prefill chunks use all cores. Threads synchronise about a hundred times in
# a pass: with eight rows a second thread gains a tenth, which is not worth the core that builds
# texts, reads files and serves pages.
FEW_ROWS, FEW_TOKENS = 8, 128

# An AutoTuner measures this many calls of each way in a row. It rests after its start and between
# two comparisons.
TUNER_SAMPLES = 8
FIRST_REST_CALLS, REST_CALLS = 16, 256
# A gain smaller than this is noise.
MIN_GAIN_RATIO = 0.95


class AutoTuner:
    """Chooses the faster of two ways to do the same work by trying both now and then.

    `use_alternative` says which way the next call goes. The first way stays in use until the
    alternative has been measured faster, and the other way round.
    """

    def __init__(self) -> None:
        self.use_alternative = False
        self._rest = FIRST_REST_CALLS
        self._size = 0
        self._times: list[float] = []

    def record_time(self, size: int, seconds: float) -> None:
        """Record one call. Only calls of the same size are compared."""
        if self._rest:
            self._rest -= 1
            return
        if size != self._size:
            self._size, self._times = size, []
        self._times.append(seconds)
        if len(self._times) == TUNER_SAMPLES:
            self.use_alternative = not self.use_alternative
        elif len(self._times) == 2 * TUNER_SAMPLES:
            before, after = self._times[:TUNER_SAMPLES], self._times[TUNER_SAMPLES:]
            if median(after) > MIN_GAIN_RATIO * median(before):
                self.use_alternative = not self.use_alternative
            self._times, self._rest = [], REST_CALLS


class CpuThreads:
    """Sets the thread count for the passes of one model's worker and for vision encoding beside it.

    When one of torch's threads waits, for a core or to be woken, all of them do; steps are then
    slower with all cores than with one less. That depends on what else this process does, so the
    number is measured for large decode steps.
    """

    def __init__(
        self,
        all_cores: int = ALL_CORES,
        reduced: int = ALL_BUT_ONE,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._all_cores, self._reduced, self._clock = all_cores, reduced, clock
        self._vision_passes = 0
        self._lock = Lock()
        self._tuner = AutoTuner()

    def prepare_prefill(self, tokens: int) -> None:
        """Set the threads for a pass of the worker over that many tokens."""
        self._use_threads(tokens > FEW_TOKENS)

    @contextmanager
    def decode_step(self, rows: int) -> Iterator[None]:
        """Set the threads for a decode step of the worker, and measure it."""
        is_large = rows > FEW_ROWS
        self._use_threads(is_large)
        start = self._clock()
        yield
        if is_large and not self._vision_passes:
            self._tuner.record_time(rows, self._clock() - start)

    def _use_threads(self, is_large: bool) -> None:
        use_all = is_large and not self._vision_passes and not self._tuner.use_alternative
        _set_threads(self._all_cores if use_all else self._reduced)

    @contextmanager
    def vision_running(self) -> Iterator[None]:
        """Reduce the threads while another thread than the worker encodes images."""
        with self._lock:
            self._vision_passes += 1
        _set_threads(self._reduced)
        try:
            yield
        finally:
            with self._lock:
                self._vision_passes -= 1


def reserve_core() -> None:
    """Leave one core free in all threads that have not used torch yet."""
    _set_threads(ALL_BUT_ONE)


def _set_threads(threads: int) -> None:
    # Applies to the calling thread, and to those that use torch for the first time later.
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
