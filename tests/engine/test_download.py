"""Downloads with a fake of the hub: progress, disk space, and the reasons of failures."""

import errno
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from huggingface_hub.errors import (
    DryRunError,
    GatedRepoError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from webui.engine.loading.download import cache_free_bytes, download
from webui.errors import ModelLoadError
from webui.protocol import Progress


def hub(size=100, error=None, offline=False):
    """Return a fake of snapshot_download."""

    def fetch(source, *, ignore_patterns, max_workers, endpoint, dry_run=False, tqdm_class=None):
        if dry_run and offline:
            raise DryRunError("cannot be accessed")
        if dry_run:
            return [
                SimpleNamespace(file_size=size, will_download=True),
                SimpleNamespace(file_size=7, will_download=False),
            ]
        if error is not None:
            raise error
        with (
            tqdm_class(total=0, unit="B", disable=False) as arriving,
            tqdm_class(total=3, unit="it") as files,
        ):
            arriving.total = size
            for _ in range(2):
                arriving.update(size // 2)
            files.update(3)
        return "/cache/model"

    return fetch


def error_response(status):
    return httpx.Response(status, request=httpx.Request("GET", "https://hub/some/model"))


def run_download(fetch, free=10**9, report=lambda progress: None):
    return download("some/model", "model", report, fetch=fetch, free_bytes=lambda: free)


def test_progress_counts_bytes_of_a_total_known_from_the_start():
    seen = []
    assert run_download(hub(100), report=seen.append) == Path("/cache/model")
    assert seen == [Progress("loading", 50, 100), Progress("loading", 100, 100)]


def test_a_disk_that_is_too_small_is_noticed_before_the_download():
    with pytest.raises(
        ModelLoadError, match=r"need 20\.6 GB and the disk of .* has 3\.0 GB left.*HF_HOME"
    ):
        run_download(hub(20_600_000_000, error=AssertionError), free=3 * 10**9)
    assert cache_free_bytes() > 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "is full. Free some space, or set HF_HOME",
        ),
        (
            LocalEntryNotFoundError("Got: ConnectError\nand more"),
            r"the hub cannot be reached \(Got: ConnectError\)",
        ),
        (OSError("connection lost"), r"the hub cannot be reached \(connection lost\)"),
        (
            RepositoryNotFoundError("404", response=error_response(404)),
            "the hub has no model some/model",
        ),
        (GatedRepoError("403", response=error_response(403)), "needs a token"),
    ],
)
def test_a_failure_is_one_line_with_a_remedy(error, reason):
    with pytest.raises(ModelLoadError, match=reason) as caught:
        run_download(hub(error=error))
    assert "\n" not in str(caught.value)


def test_cached_files_load_without_a_network():
    assert run_download(hub(offline=True)) == Path("/cache/model")
