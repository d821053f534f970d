"""Decode steps of fixed shapes, captured as CUDA graphs.

A decode step launches hundreds of small kernels; for few rows the launches cost more time than the
arithmetic. A graph launches all of them at once, but replays fixed shapes and addresses only. So
the number of rows and the length of the cache that takes part are rounded up to buckets, each
bucket has input tensors of its own, and padding rows compute values that are never read. They
write to the last position of their slot, where no sequence stores a token.
Source: https://pytorch.org/blog/accelerating-pytorch-with-cuda-graphs.
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
from webui.engine.execution.device import is_out_of_memory
from webui.engine.execution.kv_cache import KVCache

logger = logging.getLogger(__name__)

MIN_KV_LEN = 256
# The first failure of a capture may come from a lack of memory or from another thread's work. A
# second one means that the operation cannot be captured at all.
CAPTURE_TRIES = 2
# (tokens and rope positions [2, rows], attention) -> logits [rows, vocabulary]
ComputeLogits = Callable[[Tensor, DecodeAttention], Tensor]


class Recorder(Protocol):
    """Records work on the device so that it can be replayed."""

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Return a replay of `work` and the tensor that each replay writes.

        Raises RuntimeError, and leaves nothing behind then.
        """
        ...


class GraphRecorder:
    """Records CUDA graphs that share one memory pool: they never run at the same time."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Run the work once on a side stream, then capture it.

        The first run chooses and loads the kernels, which must not happen during capture.
        `thread_local` lets other threads use the device meanwhile. The stream is given by name,
        because torch.cuda.graph otherwise captures on one that it made for the first device that
        was used. A failed capture leaves its stream current, on which nothing waits for earlier
        work; hence the `finally`.
        """
        current = torch.cuda.current_stream()
        stream = torch.cuda.Stream()
        stream.wait_stream(current)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.stream(stream):
                work()
            current.wait_stream(stream)
            with torch.cuda.graph(
                graph, pool=self._pool, stream=stream, capture_error_mode="thread_local"
            ):
                output = work()
        finally:
            torch.cuda.set_stream(current)
        return graph.replay, output


class CapturedStep:
    """The decode step of one bucket, with its own input tensors.

    Each run overwrites the logits of the run before.
    """

    def __init__(self, compute: ComputeLogits, cache: KVCache, rows: int, kv_len: int) -> None:
        self._padding_position = cache.context_length - 1
        # Tokens, rope positions and lengths [3, rows].
        self._inputs = torch.zeros(3, rows, dtype=torch.long, device=cache.layers[0].device)
        self._inputs[2] = self._padding_position
        self._attention = DecodeAttention(cache, self._inputs[2], kv_len, equal_lengths=False)
        self._compute = compute
        self._replay: Callable[[], None] | None = None
        self._logits = torch.empty(0)

    def capture(self, recorder: Recorder) -> None:
        """Record the step. Raises RuntimeError as the recorder does."""
        self._replay, self._logits = recorder.record(self._compute_logits)

    def _compute_logits(self) -> Tensor:
        return self._compute(self._inputs[:2], self._attention)

    def run(self, inputs: Tensor) -> Tensor:
        """Return the logits of tokens, rope positions and lengths [3, up to rows]."""
        count = inputs.shape[1]
        self._inputs[:, :count] = inputs
        self._inputs[2, count:] = self._padding_position
        if self._replay is None:
            self._logits = self._compute_logits()
        else:
            self._replay()
        return self._logits[:count]


class DecodeGraphs:
    """A CapturedStep for each bucket, created on first use.

    Without a `recorder` the steps run operation by operation, in the same fixed shapes. `make_room`
    frees memory after a capture that lacked it.
    """

    def __init__(
        self,
        compute: ComputeLogits,
        cache: KVCache,
        recorder: Recorder | None,
        make_room: Callable[[], None] = lambda: None,
    ) -> None:
        self._compute, self._cache, self._recorder = compute, cache, recorder
        self._make_room = make_room
        self._steps: dict[tuple[int, int], CapturedStep] = {}

    def run(self, inputs: Tensor, max_length: int) -> Tensor:
        """Return the logits [rows, vocabulary] of tokens, rope positions and lengths [3, rows].

        `max_length` is the largest of the lengths.
        """
        rows = min(_round_up(inputs.shape[1], 1), len(self._cache.slots))
        kv_len = min(_round_up(max_length + 1, MIN_KV_LEN), self._cache.context_length)
        if (rows, kv_len) not in self._steps:
            self._steps[rows, kv_len] = self._create_step(rows, kv_len)
        return self._steps[rows, kv_len].run(inputs)

    def _create_step(self, rows: int, kv_len: int) -> CapturedStep:
        step = CapturedStep(self._compute, self._cache, rows, kv_len)
        for attempt in range(1, CAPTURE_TRIES + 1):
            if self._recorder is None:
                break
            try:
                step.capture(self._recorder)
                break
            except RuntimeError as error:
                lacks_memory = is_out_of_memory(error)
                logger.warning(
                    "No CUDA graph of %d rows and %d positions: %s",
                    rows,
                    kv_len,
                    describe_failure(error),
                )
            # Out here the error no longer holds the tensors of the capture.
            if lacks_memory:
                # This shape then runs without a graph; others may still fit.
                self._make_room()
            elif attempt == CAPTURE_TRIES:
                # Some quantized kernels cannot be captured; such a model decodes without graphs.
                self._recorder = None
        return step


def describe_failure(error: BaseException) -> str:
    """Return the first line of an error and the operation of this package that raised it."""
    package = Path(__file__).parent
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent == package
    ]
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"{line} (in {frames[-1].name}: {frames[-1].line})" if frames else line


def _round_up(number: int, minimum: int) -> int:
    """Return the next power of two, at least `minimum`."""
    return max(minimum, 1 << (number - 1).bit_length())
