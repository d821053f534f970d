"""Downloads that are interrupted, or whose process is killed, fetch nothing twice."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from fake_hub import MODEL, PIECE, hub

from webui.engine.loading.hub_file import DamagedDownloadError, fetch_file

ROOT = Path(__file__).parents[2]
MEGABYTE = 1024**2
FILES = {
    "config.json": b"{}",
    "model-1.safetensors": random.Random(1).randbytes(20 * MEGABYTE),
    "model-2.safetensors": random.Random(2).randbytes(17 * MEGABYTE),
}
SIZE = sum(map(len, FILES.values()))
CODE = """
import sys
from webui.engine.loading.download import download
def show(progress):
    print(progress.done, progress.total, flush=True)
folder = download(sys.argv[1], "GLM", show, endpoint=sys.argv[2])
print(folder, flush=True)
"""


def start_download(server, home):
    environ = {
        **os.environ,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_XET": "1",
    }
    command = [sys.executable, "-c", CODE, MODEL, server.endpoint]
    return subprocess.Popen(
        command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def bytes_on_disk(home):
    """Return the bytes of large files on the disk, partial ones included."""
    return sum(path.stat().st_size for path in home.rglob("blobs/*") if path.stat().st_size > PIECE)


def assert_finished(process, home):
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    *progress, folder = output.splitlines()
    done = [int(line.split()[0]) for line in progress]
    assert done == sorted(done)
    assert done[-1] == int(progress[-1].split()[1])
    assert {path.name: path.read_bytes() for path in Path(folder).iterdir()} == FILES
    return done


@pytest.mark.slow
def test_cut_connections_and_a_killed_process_fetch_nothing_twice(tmp_path):
    with hub(FILES) as server:
        server.cuts = [3 * MEGABYTE, 5 * MEGABYTE, 2 * MEGABYTE, 4 * MEGABYTE, 6 * MEGABYTE]
        for kill_at in (2, 7, 13, 22, 30):
            with server.may_send:
                server.stop_at = kill_at * MEGABYTE + sum(
                    len(data) for data in FILES.values() if len(data) < PIECE
                )
                server.may_send.notify_all()
            process = start_download(server, tmp_path)
            while bytes_on_disk(tmp_path) < kill_at * MEGABYTE - PIECE and process.poll() is None:
                time.sleep(0.02)
            process.kill()
            process.communicate()
        with server.may_send:
            server.stop_at = None
            server.may_send.notify_all()
        assert_finished(start_download(server, tmp_path), tmp_path)
    assert not server.cuts
    assert server.sent <= SIZE * 1.01


def test_downloaded_files_are_not_fetched_again(tmp_path):
    with hub(FILES) as server:
        assert_finished(start_download(server, tmp_path), tmp_path)
        sent = server.sent
        assert start_download(server, tmp_path).communicate(timeout=120)[0].splitlines()[-1]
    assert server.sent == sent


@pytest.fixture
def blob(tmp_path):
    import hashlib

    return tmp_path / "blobs" / hashlib.sha256(FILES["model-2.safetensors"]).hexdigest()


def url(server):
    return f"{server.endpoint}/{MODEL}/resolve/main/model-2.safetensors"


def test_a_part_with_wrong_content_is_deleted(blob):
    blob.parent.mkdir()
    blob.with_name(f"{blob.name}.part").write_bytes(b"?" * MEGABYTE)
    size = len(FILES["model-2.safetensors"])
    with hub(FILES) as server:
        with pytest.raises(DamagedDownloadError):
            fetch_file(url(server), blob, size, {}, lambda done: None)
        fetch_file(url(server), blob, size, {}, lambda done: None)
    assert blob.read_bytes() == FILES["model-2.safetensors"]


def test_a_hub_that_sends_nothing_is_given_up_after_a_few_failures(blob):
    pauses = []
    with hub(FILES) as server:
        server.cuts = [0] * 9
        with pytest.raises(httpx.TransportError):
            fetch_file(url(server), blob, 17 * MEGABYTE, {}, lambda done: None, pause=pauses.append)
    assert len(pauses) == 4


def test_a_refused_file_is_not_requested_again(blob):
    pauses = []
    with hub(FILES) as server, pytest.raises(httpx.HTTPStatusError):
        fetch_file(
            f"{server.endpoint}/nowhere", blob, 9, {}, lambda done: None, pause=pauses.append
        )
    assert not pauses
