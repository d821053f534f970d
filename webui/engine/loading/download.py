"""A hub id to the folder of its files, with the bytes counted. Knows no torch."""

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
UNUSED = ["*.bin", "*.pth", "*.gguf"]
GIGABYTE = 10**9
# Files from this size on are resumed; below it, to begin one anew costs nothing.
LARGE_BYTES = 16 * 1024**2
# The root of what the hub's client raises for the network: that of the HTTP library that its release is built on.
HUB_ERROR: type[BaseException] = next(
    kind for kind in HfHubHTTPError.__mro__ if kind.__name__ == "HTTPError"
)


def fetch(source: str, name: str, report: Callable[[Progress], None]) -> Path:
    """The folder of a whole checkpoint: that folder, or the hub's. Raises ModelLoadError with what to do."""
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
    """Raises ModelLoadError with what to do. `fetch`, `free_bytes` and `endpoint` are passed in by tests only.

    Large files come one after the other, so that what is cut off is the rest of one file.
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
            if (file.file_size or 0) >= LARGE_BYTES:
                fetch_large(source, file, done, needed, report, endpoint)
                done += file.file_size
        bar = make_bar(done, needed, report)
        return Path(
            fetch(source, tqdm_class=bar, ignore_patterns=UNUSED, max_workers=1, endpoint=endpoint)
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
    """One file of a dry run to the cache, after `before` of `total` bytes."""
    url = hf_hub_url(source, file.filename, revision=file.commit_hash, endpoint=endpoint)
    known = get_hf_file_metadata(url, endpoint=endpoint)
    repository = Path(file.local_path).parents[2 + file.filename.count("/")]
    blob = repository / "blobs" / str(known.etag)
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
    """What a checkpoint on the hub needs, from its config and index alone. Raises ModelLoadError."""

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
    """What of it is not in the cache yet; nothing if the hub cannot be asked, whatever that means for the download."""
    try:
        files = fetch(
            source, dry_run=True, ignore_patterns=UNUSED, max_workers=1, endpoint=endpoint
        )
    except DryRunError:
        return []
    return [file for file in files if file.will_download]


def cache_free_bytes() -> int:
    """Room on the disk of the hub's cache, whose folder may not exist yet."""
    folder = Path(constants.HF_HUB_CACHE)
    return shutil.disk_usage(
        next(place for place in (folder, *folder.parents) if place.exists())
    ).free


def make_bar(before: int, total: int, report: Callable[[Progress], None]) -> type[tqdm]:
    """A progress bar class for the hub, after `before` of `total` bytes: it makes one for what arrives and one for what
    is written, and the furthest counts."""
    most = before

    class Bar(tqdm):  # type: ignore[misc]
        def update(self, n: float | None = 1) -> bool | None:
            nonlocal most
            shown = super().update(n)
            if self.unit == "B" and before + self.n > most:
                most = before + int(self.n)
                report(Progress("loading", most, max(total, before + int(self.total or 0), most)))
            return shown

    return Bar
