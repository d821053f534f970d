"""Traffic: counts the requests in flight, so that a graceful shutdown can wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

# Open for as long as a page is.
ENDLESS = ("/gradio_api/heartbeat/",)


class Traffic:
    """Counts requests that will end by themselves. Used on one event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def request(self, path: str) -> Iterator[None]:
        """Count one for as long as the block lasts."""
        if path.startswith(ENDLESS):
            yield
            return
        self._count += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._idle.set()

    async def idle(self) -> None:
        """Return once no request is under way."""
        await self._idle.wait()
