"""The output of one stream with its times. Knows only the Engine protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter

from webui.protocol import Engine, GenerationRequest, Message, Phase, SamplingParams, Usage


@dataclass(slots=True)
class Watched:
    """The output so far. `times` has the seconds from sending to each delta with new tokens.

    `done` is the number of tokens.
    """

    sent: float = field(default_factory=perf_counter)
    times: list[float] = field(default_factory=list)
    done: int = 0
    phase: Phase = "queued"
    reasoning: str = ""
    content: str = ""
    usage: Usage | None = None

    @property
    def first_s(self) -> float:
        return self.times[0] if self.times else float("nan")

    @property
    def text(self) -> tuple[str, str]:
        return self.reasoning, self.content


async def watch(
    engine: Engine,
    request: GenerationRequest,
    on_tokens: Callable[[Watched], None] = lambda watched: None,
) -> Watched:
    """Read a stream to its end; `on_tokens` is called at each delta that brought new tokens."""
    watched = Watched()
    async for delta in engine.generate(request):
        watched.reasoning += delta.reasoning
        watched.content += delta.content
        watched.usage = delta.usage or watched.usage
        progress = delta.progress
        if (
            progress is None
            or progress.phase not in ("thinking", "answering")
            or progress.done <= watched.done
        ):
            continue
        watched.done, watched.phase = progress.done, progress.phase
        watched.times.append(perf_counter() - watched.sent)
        on_tokens(watched)
    return watched


async def happens(event: asyncio.Event, readers: Iterable[asyncio.Task[Watched]]) -> None:
    """Wait for an event that a reader sets. Raises the error of a reader that ends before."""
    waiting = asyncio.create_task(event.wait())
    done, _ = await asyncio.wait({waiting, *readers}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done:
        task.result()


def greedy(
    messages: tuple[Message, ...],
    tokens: int,
    name: object,
    *,
    owner: str = "",
    conversation: str = "",
) -> GenerationRequest:
    sampling = SamplingParams(temperature=0, repetition_penalty=1.0, max_tokens=tokens)
    return GenerationRequest(messages, sampling, str(name), conversation, owner)


def gaps(times: list[float]) -> list[float]:
    """Return the seconds between neighbouring times."""
    return [after - before for before, after in pairwise(times)]
