"""Decode steps of fixed shapes, replayed as CUDA graphs: a step then costs its arithmetic, not its launches.

Rows and seen positions are rounded up to buckets. A row too many computes nonsense that nobody reads, and writes it to
the last position of its slot, where no sequence ever stores a token.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from webui.engine.execution.attention import DecodeAttention
from webui.engine.execution.kv_cache import KVCache

logger = logging.getLogger(__name__)

MIN_KV_LEN = 256
# Of a capture: what failed once may have met a lack of memory or another thread's work; what fails twice never works.
TRIES = 2
# (tokens and places [2, rows], view) -> logits [rows, vocabulary]
Compute = Callable[[Tensor, DecodeAttention], Tensor]


class Recorder(Protocol):
    """Records work on the device, to be replayed."""

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """A replay of `work` and the tensor that it writes. Raises RuntimeError, and leaves nothing behind then."""
        ...


class GraphRecorder:
    """CUDA graphs, all in one memory pool."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """The work runs once before, on a side stream, so that kernels are chosen and loaded by then.

        A capture that fails leaves its own stream current, where nothing would wait for what came before.
        """
        current = torch.cuda.current_stream()
        stream = torch.cuda.Stream()
        stream.wait_stream(current)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.stream(stream):
                work()
            current.wait_stream(stream)
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                output = work()
        finally:
            torch.cuda.set_stream(current)
        return graph.replay, output


class CapturedStep:
    """One shape of the decode step, over input tensors of its own; `logits` are overwritten by each run."""

    def __init__(self, compute: Compute, cache: KVCache, rows: int, seen: int) -> None:
        self._idle = cache.context_length - 1
        self._numbers = torch.zeros(3, rows, dtype=torch.long, device=cache.layers[0].device)
        self._numbers[2] = self._idle
        self._view = DecodeAttention(cache, self._numbers[2], seen, even=False)
        self._compute = compute
        self._replay: Callable[[], None] | None = None
        self._logits = torch.empty(0)

    def capture(self, recorder: Recorder) -> None:
        """Record the step. Raises RuntimeError as the recorder."""
        self._replay, self._logits = recorder.record(self._work)

    def _work(self) -> Tensor:
        return self._compute(self._numbers[:2], self._view)

    def run(self, numbers: Tensor) -> Tensor:
        """Logits of tokens, places and lengths [3, up to rows]."""
        count = numbers.shape[1]
        self._numbers[:, :count] = numbers
        self._numbers[2, count:] = self._idle
        if self._replay is None:
            self._logits = self._work()
        else:
            self._replay()
        return self._logits[:count]


class DecodeGraphs:
    """A CapturedStep for each bucket, made when it is first needed; without a `recorder` they are run step by step."""

    def __init__(self, compute: Compute, cache: KVCache, recorder: Recorder | None) -> None:
        self._compute, self._cache, self._recorder = compute, cache, recorder
        self._steps: dict[tuple[int, int], CapturedStep] = {}

    def run(self, numbers: Tensor, longest: int) -> Tensor:
        """Logits [rows, vocabulary] of tokens, places and lengths [3, rows], the largest length being `longest`."""
        rows = min(_bucket(numbers.shape[1], 1), len(self._cache.slots))
        seen = min(_bucket(longest + 1, MIN_KV_LEN), self._cache.context_length)
        if (rows, seen) not in self._steps:
            self._steps[rows, seen] = self._made(rows, seen)
        return self._steps[rows, seen].run(numbers)

    def _made(self, rows: int, seen: int) -> CapturedStep:
        step = CapturedStep(self._compute, self._cache, rows, seen)
        for tries in range(1, TRIES + 1):
            if self._recorder is None:
                break
            try:
                step.capture(self._recorder)
                break
            except RuntimeError as error:
                logger.warning(
                    "no CUDA graph of %d rows and %d positions: %s", rows, seen, failed_at(error)
                )
                if tries == TRIES:
                    # Some quantised kernels cannot be recorded; such a model decodes step by step.
                    self._recorder = None
        return step


def failed_at(error: BaseException) -> str:
    """The error, and the operation of ours in which it was raised."""
    here = Path(__file__).parent
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent == here
    ]
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"{line} (in {ours[-1].name}: {ours[-1].line})" if ours else line


def _bucket(number: int, least: int) -> int:
    """The next power of two, at least `least`."""
    return max(least, 1 << (number - 1).bit_length())
