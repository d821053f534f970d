"""OutputDispatcher: hands step outputs from the worker to the event loops of their requests, in batches."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

from webui.engine.sequence import Sequence
from webui.engine.serving.output_stream import OutputStream, StepOutput, deliver


class OutputDispatcher:
    def __init__(self) -> None:
        self._streams: dict[Sequence, OutputStream] = {}
        self._events: dict[asyncio.AbstractEventLoop, list[tuple[OutputStream, StepOutput]]] = (
            defaultdict(list)
        )

    def __contains__(self, sequence: Sequence) -> bool:
        return sequence in self._streams

    def open(self, sequence: Sequence, stream: OutputStream) -> None:
        self._streams[sequence] = stream

    def emit(self, sequence: Sequence, event: StepOutput) -> None:
        stream = self._streams[sequence]
        self._events[stream.loop].append((stream, event))

    def close(self, sequence: Sequence, event: StepOutput) -> None:
        """Its last event."""
        self.emit(sequence, event)
        del self._streams[sequence]

    def fail_all(self, error: Callable[[Sequence], Exception]) -> None:
        for sequence in list(self._streams):
            self.close(sequence, StepOutput(error=error(sequence)))
        self.flush()

    def flush(self) -> list[Sequence]:
        """Hand the events over, one call for each loop. Returns those whose loop is gone; they are closed."""
        events, self._events = self._events, defaultdict(list)
        gone = []
        for loop, items in events.items():
            try:
                loop.call_soon_threadsafe(deliver, items)
            except RuntimeError:
                gone += [
                    sequence for sequence, stream in self._streams.items() if stream.loop is loop
                ]
        for sequence in gone:
            del self._streams[sequence]
        return gone
