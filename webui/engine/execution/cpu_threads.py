"""CpuThreads: with how many threads torch computes on a CPU, by how much there is to do and who else computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import perf_counter

import torch

from webui.engine.execution.trial import AutoTuner
from webui.engine.planning.host_memory import usable_cores

# As many as torch takes by itself, but no more than a container is given.
ALL = min(torch.get_num_threads(), usable_cores())
ALL_BUT_ONE = max(1, min(ALL, usable_cores() - 1))
# A step of more rows and a piece of prefill of more tokens take all cores. Threads wait for each other a hundred times
# in a pass: for eight rows a second one brings a tenth, which is not worth the core on which texts are made, files are
# read and pages are sent.
FEW_ROWS, FEW_TOKENS = 8, 128


class CpuThreads:
    """For one model: passes of the worker's and, beside them, the encoder's.

    Where one of torch's threads has to wait, for a core or to be woken, they all do: steps are then slower with all
    cores than with one less. That depends on what else goes on in this process, so now and then both are tried.
    """

    def __init__(
        self, most: int = ALL, fewer: int = ALL_BUT_ONE, clock: Callable[[], float] = perf_counter
    ) -> None:
        self._most, self._fewer, self._clock = most, fewer, clock
        self._looking = 0
        self._lock = Lock()
        self._trial = AutoTuner()

    def prefill(self, tokens: int) -> None:
        """The worker is about to read or to look at so many tokens."""
        self._use(tokens > FEW_TOKENS)

    @contextmanager
    def step(self, rows: int) -> Iterator[None]:
        """While the worker makes a decode step."""
        large = rows > FEW_ROWS
        self._use(large)
        start = self._clock()
        yield
        if large and not self._looking:
            self._trial.took(rows, self._clock() - start)

    def _use(self, large: bool) -> None:
        _set(self._most if large and not self._looking and not self._trial.second else self._fewer)

    @contextmanager
    def vision_running(self) -> Iterator[None]:
        """While another thread looks at pictures."""
        with self._lock:
            self._looking += 1
        _set(self._fewer)
        try:
            yield
        finally:
            with self._lock:
                self._looking -= 1


def reserve_core() -> None:
    """For all threads that have not used torch yet."""
    _set(ALL_BUT_ONE)


def _set(threads: int) -> None:
    # It counts for the calling thread, and for those that use torch for the first time later.
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
