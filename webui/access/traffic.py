"""Traffic: the number of running requests, so that a graceful shutdown can wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

# Connections that are open as long as a page is.
ENDLESS_PATHS = ("/gradio_api/heartbeat/",)


class Traffic:
    """Counts the requests that end by themselves. Used on one event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def count_request(self, path: str) -> Iterator[None]:
        """Count a request for as long as the block lasts."""
        if path.startswith(ENDLESS_PATHS):
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

    async def wait_until_idle(self) -> None:
        """Return once no request is running."""
        await self._idle.wait()
