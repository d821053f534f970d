"""The folder of temporary files of one running copy: private, its own, and removed with it."""

import os
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from page_server import ROOT
from running_copy import running_copy

from webui.errors import SettingsError
from webui.run_folder import GRADIO_VARIABLE, PREFIX, RunFolder

GUARD_S = 60
HOLDER = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from webui.run_folder import RunFolder
with RunFolder(sys.argv[1]) as folder:
    print(folder.path, flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(base):
    """Start a process that has a folder, and yield it with the folder."""
    command = [sys.executable, "-c", HOLDER, str(base)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def folders(base):
    return list(base.glob(f"{PREFIX}*"))


def test_the_folder_is_private_and_the_variable_is_as_before_at_the_end(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(GRADIO_VARIABLE, str(tmp_path))
        with RunFolder(str(tmp_path)) as folder:
            assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
            assert os.environ[GRADIO_VARIABLE] == str(folder.path)
            (folder.path / "file").touch()
        assert os.environ[GRADIO_VARIABLE] == str(tmp_path)
    assert not folders(tmp_path)


def test_sigterm_removes_the_folder_and_ends_the_process_by_the_signal(tmp_path):
    with holder(tmp_path) as (process, folder):
        assert folder.is_dir()
        process.terminate()
        assert process.wait(GUARD_S) == -signal.SIGTERM
    assert not folders(tmp_path)


def test_the_next_start_removes_folders_of_killed_processes_only(tmp_path):
    with holder(tmp_path) as (killed, abandoned), holder(tmp_path) as (_, other):
        killed.kill()
        killed.wait(GUARD_S)
        assert abandoned.is_dir()
        link = tmp_path / f"{PREFIX}link"
        (tmp_path / "elsewhere").mkdir()
        link.symlink_to(tmp_path / "elsewhere")
        with RunFolder(str(tmp_path)) as own:
            assert set(folders(tmp_path)) == {other, own.path, link}
        assert (tmp_path / "elsewhere").is_dir()
        assert other.is_dir()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"GRADIO_TEMP_DIR is .*file/x"):
        RunFolder(str(tmp_path / "file" / "x")).__enter__()


def example_picture(address):
    components = httpx.get(f"{address}config", timeout=GUARD_S).json()["components"]
    icons = [component["props"].get("icon") for component in components]
    return next(icon["path"] for icon in icons if icon)


def test_the_pictures_of_one_copy_outlive_another_copy(tmp_path):
    with running_copy(tmp_path) as (_, address), running_copy(tmp_path) as (other, other_address):
        picture, other_picture = example_picture(address), example_picture(other_address)
        assert len(folders(tmp_path)) == 2
        other.terminate()
        assert other.wait(GUARD_S) == -signal.SIGTERM
        assert not Path(other_picture).exists()
        (folder,) = folders(tmp_path)
        assert Path(picture).is_relative_to(folder)
        url = f"{address}gradio_api/file={picture}"
        assert httpx.get(url, timeout=GUARD_S).status_code == 200
