"""What a step tells one request, and how the request's own event loop makes deltas of it.

Text is made here, on the reader's side: the worker thread deals in token ids only and loses no time to it, and a slow
reader gets several tokens in one delta.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace

from webui.engine.reasoning.parser import ReasoningParser
from webui.engine.reasoning.tags import ReasoningTags
from webui.engine.serving.detokenizer import Detokenizer
from webui.protocol import Delta, FinishReason, Progress, Usage


@dataclass(frozen=True, slots=True)
class StepOutput:
    """One step's news: a token of the text, a place in the queue, the end, or an error."""

    token: int | None = None
    progress: Progress | None = None
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OutputStream:
    """The events of one request on their way to the loop that awaits them."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    events: asyncio.Queue[StepOutput] = field(default_factory=asyncio.Queue)

    async def deltas(
        self, decode_text: Callable[[list[int]], str], tags: ReasoningTags
    ) -> AsyncIterator[Delta]:
        """Deltas up to the one with the finish reason; raises the error if one came."""
        detokenizer, parser = Detokenizer(decode_text), ReasoningParser(tags)
        last = StepOutput()
        while last.finish_reason is None:
            batch = [await self.events.get()]
            while not self.events.empty():
                batch.append(self.events.get_nowait())
            last = batch[-1]
            delta = parser.feed(
                detokenizer.feed([event.token for event in batch if event.token is not None])
            )
            if last.finish_reason is not None or last.error is not None:
                delta = joined(delta, parser.feed(detokenizer.close()), parser.close())
            yield replace(
                delta, progress=last.progress, finish_reason=last.finish_reason, usage=last.usage
            )
            if last.error is not None:
                raise last.error


def deliver(items: Sequence[tuple[OutputStream, StepOutput]]) -> None:
    """On the loop that reads them all."""
    for stream, event in items:
        stream.events.put_nowait(event)


def joined(*deltas: Delta) -> Delta:
    """Their texts in one."""
    return Delta(
        "".join(delta.reasoning for delta in deltas), "".join(delta.content for delta in deltas)
    )
