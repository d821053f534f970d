"""Work that reports as it goes, read in a steady rhythm: at most so often, and never silent for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

Event = TypeVar("Event")


async def throttled(
    work: Callable[[Callable[[Event], None]], Awaitable[None]],
    started: Callable[[asyncio.Future[None]], None] = lambda task: None,
    *,
    shortest_s: float = 0.08,
    longest_s: float = 0.5,
) -> AsyncGenerator[list[Event], None]:
    """What `work` put since the last time: `shortest_s` apart at least, empty after `longest_s` without news.

    An error of the work is raised after its last events; work that was cancelled ends quietly. Leaving early cancels
    it.
    """
    queue: asyncio.Queue[Event] = asyncio.Queue()
    task = asyncio.ensure_future(work(queue.put_nowait))
    started(task)
    try:
        while not (task.done() and queue.empty()):
            getter = asyncio.ensure_future(queue.get())
            await asyncio.wait(
                {getter, task}, timeout=longest_s, return_when=asyncio.FIRST_COMPLETED
            )
            events = [getter.result()] if getter.done() else []
            getter.cancel()
            while not queue.empty():
                events.append(queue.get_nowait())
            yield events
            if not task.done():
                await asyncio.wait({task}, timeout=shortest_s)
        if not task.cancelled():
            await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})
