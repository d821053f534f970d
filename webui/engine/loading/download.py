"""Downloads a checkpoint from the Hugging Face hub, with progress in bytes. Imports no torch."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    snapshot_download,
)
from huggingface_hub.errors import (
    DryRunError,
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils._headers import build_hf_headers
from tqdm.auto import tqdm

from webui.engine.loading.checkpoint import INDEX, first_line, read_checkpoint, read_json
from webui.engine.loading.hub_file import fetch_file
from webui.engine.planning.needs import Needs
from webui.errors import ModelLoadError
from webui.protocol import Progress
from webui.reasons import DiskFull, DiskTooSmall, HubUnreachable, NotOnHub, Reason

# Weights in other formats, which would double the download.
IGNORED_FILES = ["*.bin", "*.pth", "*.gguf"]
GIGABYTE = 10**9
# Files of this size and more are resumed. Smaller ones are cheap to download again.
MIN_RESUMED_BYTES = 16 * 1024**2
# What the hub's client raises for network errors derives from the HTTPError of the HTTP library
# that its release is built on: httpx, or a copy of it under another name.
HUB_ERROR: type[BaseException] = next(
    kind for kind in HfHubHTTPError.__mro__ if kind.__name__ == "HTTPError"
)


def fetch_checkpoint(source: str, name: str, report: Callable[[Progress], None]) -> Path:
    """Return the folder of a complete checkpoint; download it if `source` is no folder.

    Raises ModelLoadError.
    """
    folder = Path(source)
    if not folder.is_dir():
        folder = download(source, name, report)
    read_checkpoint(folder, name)
    return folder


def download(
    source: str,
    name: str,
    report: Callable[[Progress], None],
    *,
    fetch: Callable[..., Any] = snapshot_download,
    free_bytes: Callable[[], int] | None = None,
    endpoint: str | None = None,
) -> Path:
    """Download what is missing in the hub's cache, and return the folder of the snapshot.

    Large files are downloaded one after the other, so that an interruption costs the rest of one
    file at most. Tests pass `fetch`, `free_bytes` and `endpoint`. Raises ModelLoadError.
    """

    def refuse(reason: Reason) -> ModelLoadError:
        return ModelLoadError(model=name, reason=reason)

    try:
        missing = files_to_fetch(source, fetch, endpoint)
        needed = sum(file.file_size or 0 for file in missing)
        free = (free_bytes or cache_free_bytes)()
        if needed > free:
            raise refuse(DiskTooSmall(needed / GIGABYTE, free / GIGABYTE, constants.HF_HUB_CACHE))
        done = 0
        for file in missing:
            if (file.file_size or 0) >= MIN_RESUMED_BYTES:
                fetch_large(source, file, done, needed, report, endpoint)
                done += file.file_size
        bar = make_bar(done, needed, report)
        return Path(
            fetch(
                source,
                tqdm_class=bar,
                ignore_patterns=IGNORED_FILES,
                max_workers=1,
                endpoint=endpoint,
            )
        )
    except RepositoryNotFoundError:
        raise refuse(NotOnHub(source)) from None
    except (HUB_ERROR, httpx.HTTPError, EntryNotFoundError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise refuse(DiskFull(constants.HF_HUB_CACHE)) from error
        raise refuse(HubUnreachable(first_line(error))) from error


def fetch_large(
    source: str,
    file: Any,
    before: int,
    total: int,
    report: Callable[[Progress], None],
    endpoint: str | None,
) -> None:
    """Download one file of a dry run into the hub's cache, after `before` of `total` bytes."""
    url = hf_hub_url(source, file.filename, revision=file.commit_hash, endpoint=endpoint)
    metadata = get_hf_file_metadata(url, endpoint=endpoint)
    repository = Path(file.local_path).parents[2 + file.filename.count("/")]
    blob = repository / "blobs" / str(metadata.etag)
    if not blob.exists():
        headers = build_hf_headers()
        fetch_file(
            url,
            blob,
            file.file_size,
            headers,
            lambda done: report(Progress("loading", before + done, total)),
        )


def read_needs(source: str) -> Needs:
    """Return what a checkpoint on the hub needs, from its config and index alone.

    Raises ModelLoadError.
    """

    def refuse(reason: Reason) -> ModelLoadError:
        return ModelLoadError(model=Path(source).name, reason=reason)

    try:
        config, index = (Path(hf_hub_download(source, file)) for file in ("config.json", INDEX))
        size = read_json(index, refuse).get("metadata", {}).get("total_size", 0)
        return Needs.from_config(read_json(config, refuse), int(size))
    except RepositoryNotFoundError:
        raise refuse(NotOnHub(source)) from None
    except (HUB_ERROR, EntryNotFoundError, OSError, ValueError, KeyError, TypeError) as error:
        raise refuse(HubUnreachable(first_line(error))) from error


def files_to_fetch(source: str, fetch: Callable[..., Any], endpoint: str | None) -> list[Any]:
    """Return the files that are not in the cache yet.

    Empty if the hub cannot be reached: the download then finds out whether the cache suffices.
    """
    try:
        files = fetch(
            source, dry_run=True, ignore_patterns=IGNORED_FILES, max_workers=1, endpoint=endpoint
        )
    except DryRunError:
        return []
    return [file for file in files if file.will_download]


def cache_free_bytes() -> int:
    """Return the free space on the disk of the hub's cache, whose folder may not exist yet."""
    folder = Path(constants.HF_HUB_CACHE)
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def make_bar(before: int, total: int, report: Callable[[Progress], None]) -> type[tqdm]:
    """Return a progress bar class for the hub's client, which continues after `before` bytes.

    The client makes several bars, for bytes received and for bytes written; the furthest counts.
    """
    furthest = before

    class Bar(tqdm):  # type: ignore[misc]
        def update(self, n: float | None = 1) -> bool | None:
            nonlocal furthest
            is_displayed = super().update(n)
            if self.unit == "B" and before + self.n > furthest:
                furthest = before + int(self.n)
                known_total = max(total, before + int(self.total or 0), furthest)
                report(Progress("loading", furthest, known_total))
            return is_displayed

    return Bar
