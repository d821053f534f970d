"""Decode steps of fixed shapes, replayed as CUDA graphs: a step then costs its arithmetic, not its launches.

Rows and seen positions are rounded up to buckets. A row too many computes nonsense that nobody reads, and writes it to
the last position of its slot, where no sequence ever stores a token.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from webui.engine.cache_views import DecodeView
from webui.engine.kv_cache import KVCache

logger = logging.getLogger(__name__)

LEAST_SEEN = 256
# (tokens and places [2, rows], view) -> logits [rows, vocabulary]
Compute = Callable[[Tensor, DecodeView], Tensor]


class FixedStep:
    """One shape of the decode step, over input tensors of its own; `logits` are overwritten by each run."""

    def __init__(self, compute: Compute, cache: KVCache, rows: int, seen: int) -> None:
        self._idle = cache.context_length - 1
        self._numbers = torch.zeros(3, rows, dtype=torch.long, device=cache.layers[0].device)
        self._numbers[2] = self._idle
        self._view = DecodeView(cache, self._numbers[2], seen, even=False)
        self._compute = compute
        self._graph: torch.cuda.CUDAGraph | None = None
        self._logits = torch.empty(0)

    def capture(self, pool: Any) -> None:
        """Record the step. It runs once before, on a side stream, so that kernels are chosen and loaded by then."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._compute(self._numbers[:2], self._view)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            self._logits = self._compute(self._numbers[:2], self._view)
        self._graph = graph

    def run(self, numbers: Tensor) -> Tensor:
        """Logits of tokens, places and lengths [3, up to rows]."""
        count = numbers.shape[1]
        self._numbers[:, :count] = numbers
        self._numbers[2, count:] = self._idle
        if self._graph is None:
            self._logits = self._compute(self._numbers[:2], self._view)
        else:
            self._graph.replay()
        return self._logits[:count]


class DecodeGraphs:
    """A FixedStep for each bucket, made when it is first needed; without `capture` they are run step by step."""

    def __init__(self, compute: Compute, cache: KVCache, *, capture: bool) -> None:
        self._compute, self._cache, self._capture = compute, cache, capture
        self._pool = torch.cuda.graph_pool_handle() if capture else None
        self._steps: dict[tuple[int, int], FixedStep] = {}

    def run(self, numbers: Tensor, longest: int) -> Tensor:
        """Logits [rows, vocabulary] of tokens, places and lengths [3, rows], the largest length being `longest`."""
        rows = min(_bucket(numbers.shape[1], 1), len(self._cache.slots))
        seen = min(_bucket(longest + 1, LEAST_SEEN), self._cache.context_length)
        if (rows, seen) not in self._steps:
            self._steps[rows, seen] = self._made(rows, seen)
        return self._steps[rows, seen].run(numbers)

    def _made(self, rows: int, seen: int) -> FixedStep:
        step = FixedStep(self._compute, self._cache, rows, seen)
        if self._capture:
            try:
                step.capture(self._pool)
            except RuntimeError as error:
                # Some quantised kernels cannot be recorded; such a model decodes step by step.
                logger.warning("no CUDA graphs: %s", error)
                self._capture = False
                step = FixedStep(self._compute, self._cache, rows, seen)
        return step


def _bucket(number: int, least: int) -> int:
    """The next power of two, at least `least`."""
    return max(least, 1 << (number - 1).bit_length())
