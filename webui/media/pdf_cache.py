"""Keep the PDFs that office files were converted to: preview and question convert a file once.

Files are known by the hash of their bytes. Concurrent callers with the same file share one
conversion, which ends when the last of them is cancelled. A failure is not kept.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from webui.media.source_file import open_regular

MAX_BYTES = 256 * 1024**2


@dataclass(frozen=True, slots=True)
class ConvertedFile:
    """A PDF, and the suffix of the office type that it was made of."""

    pdf: bytes
    suffix: str


class PdfCache:
    """Drops the least recently used PDFs once they take more than `max_bytes` together."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._converted: OrderedDict[str, ConvertedFile] = OrderedDict()
        self._running: dict[str, asyncio.Task[ConvertedFile]] = {}
        self._waiting: Counter[str] = Counter()

    async def get(
        self, path: Path, convert: Callable[[], Awaitable[ConvertedFile]]
    ) -> ConvertedFile:
        """Return the file as a PDF; call `convert` unless it is in the cache."""
        key = await asyncio.to_thread(file_digest, path)
        if key in self._converted:
            self._converted.move_to_end(key)
            return self._converted[key]
        if key not in self._running:
            self._running[key] = asyncio.create_task(self._convert(key, convert))
        task = self._running[key]
        self._waiting[key] += 1
        try:
            # Shielded: cancelling one caller must not end a conversion that another waits for.
            return await asyncio.shield(task)
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
                self._running.pop(key, None)
                await _cancel(task)

    async def _convert(
        self, key: str, convert: Callable[[], Awaitable[ConvertedFile]]
    ) -> ConvertedFile:
        converted = self._converted[key] = await convert()
        while sum(len(kept.pdf) for kept in self._converted.values()) > self._max_bytes:
            self._converted.popitem(last=False)
        return converted

    def close(self) -> None:
        """End all conversions and drop all PDFs."""
        for task in self._running.values():
            task.cancel()
        self._converted.clear()


async def _cancel(task: asyncio.Task[ConvertedFile]) -> None:
    """Cancel the task, and return once its process is gone. Does nothing to a finished one."""
    task.cancel()
    await asyncio.wait([task])


def file_digest(path: Path) -> str:
    digest = sha256()
    with open_regular(path) as file:
        while piece := file.read(1024**2):
            digest.update(piece)
    return digest.hexdigest()
