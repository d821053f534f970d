"""OutputDispatcher: hands step outputs from the worker thread to the readers' event loops."""

from __future__ import annotations

import asyncio
from collections import abc, defaultdict

from webui.engine.sequence import Sequence
from webui.engine.serving.output_stream import OutputStream, StepOutput

Delivery = tuple[OutputStream, StepOutput]


class OutputDispatcher:
    """Knows the stream of every unfinished request. Used by the worker thread only.

    Outputs are collected, and delivered by `flush` with one call for each event loop. Waking a loop
    for every token would take the interpreter from the worker hundreds of times a second.
    """

    def __init__(self) -> None:
        self._streams: dict[Sequence, OutputStream] = {}
        self._undelivered: dict[asyncio.AbstractEventLoop, list[Delivery]] = defaultdict(list)

    def __contains__(self, sequence: Sequence) -> bool:
        return sequence in self._streams

    def add_stream(self, sequence: Sequence, stream: OutputStream) -> None:
        self._streams[sequence] = stream

    def emit(self, sequence: Sequence, output: StepOutput) -> None:
        stream = self._streams[sequence]
        self._undelivered[stream.loop].append((stream, output))

    def emit_last(self, sequence: Sequence, output: StepOutput) -> None:
        """Emit the output that ends the request, and forget its stream."""
        self.emit(sequence, output)
        del self._streams[sequence]

    def fail_all(self, make_error: abc.Callable[[Sequence], Exception]) -> None:
        """End every request with an error of its own, and flush."""
        for sequence in list(self._streams):
            self.emit_last(sequence, StepOutput(error=make_error(sequence)))
        self.flush()

    def flush(self) -> list[Sequence]:
        """Deliver the outputs that were emitted.

        Return the sequences whose event loop is closed; their streams are forgotten.
        """
        undelivered, self._undelivered = self._undelivered, defaultdict(list)
        orphans = []
        for loop, deliveries in undelivered.items():
            try:
                loop.call_soon_threadsafe(_deliver, deliveries)
            except RuntimeError:  # the loop is closed
                for sequence, stream in self._streams.items():
                    if stream.loop is loop:
                        orphans.append(sequence)
        for sequence in orphans:
            del self._streams[sequence]
        return orphans


def _deliver(deliveries: abc.Sequence[Delivery]) -> None:
    """Put the outputs into their streams, on the event loop that reads all of these streams."""
    for stream, output in deliveries:
        stream.put_output(output)
