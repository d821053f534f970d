"""Throttle: events of running work at a steady rate, with empty batches while it is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

E = TypeVar("E")


async def throttled(
    work: Callable[[Callable[[E], None]], Awaitable[None]],
    on_start: Callable[[asyncio.Future[None]], None] = lambda task: None,
    *,
    min_interval_s: float = 0.08,
    max_interval_s: float = 0.5,
) -> AsyncGenerator[list[E], None]:
    """Run `work` as a task, and yield what it puts, in batches.

    Batches are at least `min_interval_s` apart; after `max_interval_s` without an event an empty
    one lets the reader update its clock. An error of the work is raised after its last events, and
    cancelled work ends quietly. Closing the generator early cancels the work.
    """
    queue: asyncio.Queue[E] = asyncio.Queue()
    task = asyncio.ensure_future(work(queue.put_nowait))
    on_start(task)
    try:
        while not (task.done() and queue.empty()):
            getter = asyncio.ensure_future(queue.get())
            await asyncio.wait(
                {getter, task}, timeout=max_interval_s, return_when=asyncio.FIRST_COMPLETED
            )
            events = [getter.result()] if getter.done() else []
            getter.cancel()
            while not queue.empty():
                events.append(queue.get_nowait())
            yield events
            if not task.done():
                await asyncio.wait({task}, timeout=min_interval_s)
        if not task.cancelled():
            await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})
