"""A fake of the sandbox: every conversion lasts until it is released, and sends blank pages."""

from __future__ import annotations

import asyncio
from typing import Any

from webui.media.decode_job import DecodeJob
from webui.media.sandbox.process_pool import ProcessPool
from webui.media.sandbox.sandbox import (
    Limits,
    OnProgress,
    OnReply,
    Reply,
    Sandbox,
    ignore_progress,
)
from webui.media.selection.outline import Outline

A4 = (1488, 2105)


class FakeSandbox(Sandbox):
    """Decodes every file to `pages` blank pages of A4.

    `begun` holds the names of the files whose conversions have begun, in that order, and `drawn`
    the pages that were drawn for the model. `failing` files raise the error after their thumbnails.
    While `may_draw` is clear, children stop before the pages for the model.
    """

    def __init__(self, pages: int = 1) -> None:
        super().__init__(ProcessPool(""))
        self.pages = pages
        self.begun: list[str] = []
        self.ended: set[str] = set()
        self.drawn: list[tuple[str, int]] = []
        self.failing: dict[str, Exception] = {}
        self.may_draw = asyncio.Event()
        self.may_draw.set()
        self._released: dict[str, asyncio.Event] = {}

    def release(self, *names: str) -> None:
        for name in names:
            self._released.setdefault(name, asyncio.Event()).set()

    async def run(
        self,
        job: dict[str, Any],
        name: str,
        limits: Limits,
        on_reply: OnReply,
        on_progress: OnProgress = ignore_progress,
        *,
        payload: bytes = b"",
        entry: str = "",
    ) -> None:
        self.begun.append(name)
        try:
            await self._released.setdefault(name, asyncio.Event()).wait()
        finally:
            self.ended.add(name)
        if job["reader"].endswith("office"):
            await on_reply(Reply({"suffix": "pptx"}, b"%PDF"))
            return
        await self._send_pages(DecodeJob.from_json(job), name, on_reply)

    async def _send_pages(self, job: DecodeJob, name: str, on_reply: OnReply) -> None:
        outline = Outline(name, (A4,) * self.pages)
        await on_reply(Reply({"natural_sizes": outline.natural_sizes}))
        if job.thumbnail_side:
            for number in range(1, self.pages + 1):
                await on_reply(Reply({"thumbnail": number, "size": [1, 1]}, bytes(3)))
            await on_reply(Reply({"thumbnails_complete": True}))
        if name in self.failing:
            raise self.failing[name]
        await self.may_draw.wait()
        if job.max_tokens:
            for number, (width, height) in job.page_sizes(outline).items():
                if number not in job.known_pages:
                    self.drawn.append((name, number))
                    data = bytes(3 * width * height)
                    await on_reply(Reply({"page": number, "size": [width, height]}, data))
