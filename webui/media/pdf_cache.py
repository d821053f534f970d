"""PDFs made of decks, kept for a while: the preview and the question after it convert a deck once.

Knows decks by the hash of their bytes. Callers with the same deck share one conversion, which ends when the last of
them has gone; a failure is not kept.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

from webui.media.source_file import open_regular

BUDGET_BYTES = 256 * 1024**2


class DeckShelf:
    """Least recently used out first, within a byte budget."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._pdfs: OrderedDict[str, bytes] = OrderedDict()
        self._running: dict[str, asyncio.Task[bytes]] = {}
        self._waiting: Counter[str] = Counter()

    async def pdf(self, deck: Path, convert: Callable[[], Awaitable[bytes]]) -> bytes:
        """The PDF of this deck, converted unless it is here."""
        key = await asyncio.to_thread(digest, deck)
        if key in self._pdfs:
            self._pdfs.move_to_end(key)
            return self._pdfs[key]
        if key not in self._running:
            self._running[key] = asyncio.create_task(self._convert(key, convert))
        task = self._running[key]
        self._waiting[key] += 1
        try:
            # Shielded: one person's Stop must not end a conversion that another one waits for.
            return await asyncio.shield(task)
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
                self._running.pop(key, None)
                await _end(task)

    async def _convert(self, key: str, convert: Callable[[], Awaitable[bytes]]) -> bytes:
        pdf = self._pdfs[key] = await convert()
        while sum(map(len, self._pdfs.values())) > self._budget_bytes:
            self._pdfs.popitem(last=False)
        return pdf

    def close(self) -> None:
        for task in self._running.values():
            task.cancel()
        self._pdfs.clear()


async def _end(task: asyncio.Task[bytes]) -> None:
    """Nobody waits for it any more. Returns once its process is gone; without effect on one that is done."""
    task.cancel()
    await asyncio.wait([task])


def digest(path: Path) -> str:
    hashed = sha256()
    with open_regular(path) as file:
        while piece := file.read(1024**2):
            hashed.update(piece)
    return hashed.hexdigest()
