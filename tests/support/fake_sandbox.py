"""A stand-in for the sandbox: every conversion lasts until it is let go, and then gives one pixel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from webui.media.sandbox.process_pool import Children
from webui.media.sandbox.sandbox import Limits, Reply, Sandbox

PIXEL = Reply({"size": [1, 1], "natural": [1, 1]}, bytes(3))
REPLIES = {
    "picture": [PIXEL],
    "pages": [Reply({"natural": [[1, 1]], "pages": [1]}), PIXEL],
    "deck": [PIXEL],
}


class FakeSandbox(Sandbox):
    """`begun`: the names of the files whose conversions have begun, in that order."""

    def __init__(self) -> None:
        super().__init__(Children())
        self.begun: list[str] = []
        self.ended: set[str] = set()
        self._go: dict[str, asyncio.Event] = {}

    def let_go(self, *names: str) -> None:
        for name in names:
            self._go.setdefault(name, asyncio.Event()).set()

    async def run(
        self,
        job: dict[str, Any],
        name: str,
        limits: Limits,
        on_progress: Callable[[int, int], None],
        *,
        data: bytes = b"",
        entry: str = "",
    ) -> list[Reply]:
        self.begun.append(name)
        try:
            await self._go.setdefault(name, asyncio.Event()).wait()
        finally:
            self.ended.add(name)
        return REPLIES[job["task"]]
