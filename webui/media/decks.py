"""PDFs made of decks, kept for a while: the preview and the question after it convert a deck once.

Knows files by the hash of their bytes. Callers with the same deck share one conversion; a failure is not kept.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

BUDGET_BYTES = 512 * 1024**2


class DeckShelf:
    """Least recently used out first, within a byte budget. `close` removes the files."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._folder: TemporaryDirectory[str] | None = None
        self._sizes: OrderedDict[Path, int] = OrderedDict()
        self._running: dict[Path, asyncio.Task[Path]] = {}

    async def pdf(self, deck: Path, convert: Callable[[], Awaitable[bytes]]) -> Path:
        """The PDF of this deck, converted unless it is here."""
        self._folder = self._folder or TemporaryDirectory(prefix="webui-decks-")
        target = Path(self._folder.name, await asyncio.to_thread(digest, deck)).with_suffix(".pdf")
        if target in self._sizes:
            self._sizes.move_to_end(target)
            return target
        task = self._running.get(target)
        if task is None:
            task = self._running[target] = asyncio.create_task(self._convert(target, convert))
            task.add_done_callback(lambda done: self._running.pop(target, None))
        # Shielded: one person's Stop must not end a conversion that another one waits for.
        return await asyncio.shield(task)

    async def _convert(self, target: Path, convert: Callable[[], Awaitable[bytes]]) -> Path:
        data = await convert()
        await asyncio.to_thread(target.write_bytes, data)
        self._sizes[target] = len(data)
        while sum(self._sizes.values()) > self._budget_bytes and len(self._sizes) > 1:
            self._sizes.popitem(last=False)[0].unlink(missing_ok=True)
        return target

    def close(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def digest(path: Path) -> str:
    hashed = sha256()
    with path.open("rb") as file:
        while piece := file.read(1024**2):
            hashed.update(piece)
    return hashed.hexdigest()
