"""Quotas for uploads: the bytes that the files of one visitor, and of all, have on disk."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from webui.errors import StorageFullError, UploadQuotaError

MEGABYTE = 1024**2
# An empty file has a folder and an entry here all the same.
MIN_FILE_BYTES = 64 * 1024
# Gradio writes an upload under such a name into its folder, and renames it once it is complete.
PARTIAL_FILES = "tmp*"


class UploadQuota:
    """Counts the files in Gradio's `folder` by owner: an account, or a browser without one.

    Gradio deletes files some hours after their upload, and they are not counted any more then.
    Two owners of the same bytes share one file, which counts for each of them, and once in all.
    Used on one event loop.
    """

    def __init__(self, folder: Path, max_owner_mb: int, max_total_mb: int) -> None:
        self._folder = folder
        self._max_owner_mb, self._max_total_mb = max_owner_mb, max_total_mb
        self._sizes: dict[str, int] = {}
        self._paths: defaultdict[str, set[str]] = defaultdict(set)
        # Bytes that running uploads may write, by owner, and those that ended ones may have left.
        self._reserved: Counter[str] = Counter()
        self._running = 0

    @contextmanager
    def reserve(self, owner: str, size: int) -> Iterator[None]:
        """Reserve the bytes of one upload for as long as the block lasts.

        Raises UploadQuotaError or StorageFullError if they are too many.
        """
        self._check(owner, size)
        self._reserved[owner] += size
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            # Gradio leaves what it has written of an upload whose connection broke. Only while no
            # upload runs is every partial file such a rest; until then its bytes stay reserved.
            if not self._running:
                self._remove_partial_files()
                self._reserved.clear()

    def add(self, owner: str, path: str) -> None:
        """Count a complete file instead of the bytes that were reserved for it."""
        with suppress(OSError):
            size = os.path.getsize(path)
            self._sizes[path] = max(size, MIN_FILE_BYTES)
            self._paths[owner].add(path)
            self._reserved[owner] -= min(size, self._reserved[owner])

    def _check(self, owner: str, size: int) -> None:
        if self._is_beyond(owner, size):
            self._forget_deleted_files()
        if self._owner_bytes(owner) + size > self._max_owner_mb * MEGABYTE:
            raise UploadQuotaError(limit=f"{self._max_owner_mb} MB")
        if self._is_beyond(owner, size):
            raise StorageFullError(limit=f"{self._max_total_mb} MB")

    def _is_beyond(self, owner: str, size: int) -> bool:
        total_bytes = sum(self._sizes.values()) + self._reserved.total()
        return (
            self._owner_bytes(owner) + size > self._max_owner_mb * MEGABYTE
            or total_bytes + size > self._max_total_mb * MEGABYTE
        )

    def _owner_bytes(self, owner: str) -> int:
        paths = self._paths.get(owner, ())
        return sum(self._sizes[path] for path in paths) + self._reserved[owner]

    def _forget_deleted_files(self) -> None:
        self._sizes = {path: size for path, size in self._sizes.items() if os.path.exists(path)}
        for owner, paths in list(self._paths.items()):
            paths.intersection_update(self._sizes)
            if not paths:
                del self._paths[owner]

    def _remove_partial_files(self) -> None:
        for path in self._folder.glob(PARTIAL_FILES):
            with suppress(OSError):
                if path.is_file():
                    path.unlink()
