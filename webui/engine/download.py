"""A hub id to the folder of its files, with the bytes counted. Knows no torch."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huggingface_hub import constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import DryRunError, EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError
from tqdm.auto import tqdm

from webui.engine.checkpoint import INDEX, read_checkpoint, read_json
from webui.engine.needs import Needs
from webui.errors import ModelLoadError
from webui.protocol import Progress

# Weights in other formats, which would double the download.
UNUSED = ["*.bin", "*.pth", "*.gguf"]
GIGABYTE = 10**9


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
) -> Path:
    """Raises ModelLoadError with what to do. `fetch` and `free_bytes` are passed in by tests only."""

    def refuse(reason: str) -> ModelLoadError:
        return ModelLoadError(model=name, reason=reason)

    try:
        needed = bytes_to_fetch(source, fetch)
        free = (free_bytes or cache_free_bytes)()
        if needed > free:
            raise refuse(no_room(needed, free))
        return Path(fetch(source, tqdm_class=make_bar(needed, report), ignore_patterns=UNUSED))
    except RepositoryNotFoundError:
        raise refuse(f"the hub has no model {source}, or it needs a token (HF_TOKEN).") from None
    except (HfHubHTTPError, EntryNotFoundError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise refuse(f"the disk of {constants.HF_HUB_CACHE} is full. Free some space, or set HF_HOME.") from error
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise refuse(f"the hub cannot be reached ({line}). Check the network, or give a folder.") from error


def read_needs(source: str) -> Needs:
    """What a checkpoint on the hub needs, from its config and index alone. Raises ModelLoadError."""

    def refuse(reason: str) -> ModelLoadError:
        return ModelLoadError(model=Path(source).name, reason=reason)

    try:
        config, index = (Path(hf_hub_download(source, file)) for file in ("config.json", INDEX))
        size = read_json(index, refuse).get("metadata", {}).get("total_size", 0)
        return Needs.of(read_json(config, refuse), int(size))
    except RepositoryNotFoundError:
        raise refuse(f"the hub has no model {source}, or it needs a token (HF_TOKEN).") from None
    except (HfHubHTTPError, EntryNotFoundError, OSError, ValueError, KeyError, TypeError) as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise refuse(f"the hub cannot be reached ({line}). Check the network, or give a folder.") from error


def bytes_to_fetch(source: str, fetch: Callable[..., Any]) -> int:
    """How much of it is not in the cache yet; 0 if the hub cannot be asked, whatever that means for the download."""
    try:
        files = fetch(source, dry_run=True, ignore_patterns=UNUSED)
    except DryRunError:
        return 0
    return sum(file.file_size or 0 for file in files if file.will_download)


def cache_free_bytes() -> int:
    """Room on the disk of the hub's cache, whose folder may not exist yet."""
    folder = Path(constants.HF_HUB_CACHE)
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free


def no_room(needed: int, free: int) -> str:
    return (
        f"its files need {needed / GIGABYTE:.1f} GB and the disk of {constants.HF_HUB_CACHE} has "
        f"{free / GIGABYTE:.1f} GB left. Free some space, or set HF_HOME to a larger disk."
    )


def make_bar(total: int, report: Callable[[Progress], None]) -> type[tqdm]:
    """A progress bar class for the hub: it makes one for what arrives and one for what is written, and the furthest
    counts."""
    most = 0

    class Bar(tqdm):  # type: ignore[misc]
        def update(self, n: float | None = 1) -> bool | None:
            nonlocal most
            shown = super().update(n)
            if self.unit == "B" and self.n > most:
                most = int(self.n)
                report(Progress("loading", most, max(total, int(self.total or 0), most)))
            return shown

    return Bar
