"""The child process: ended at its limits and with its caller, and nothing of it stays."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from files import make_pdf, make_picture
from reading import INFO, limited, load

from webui.errors import DamagedFileError, TooLargeError, TooSlowError


async def test_the_wall_clock_ends_a_conversion(tmp_path):
    with pytest.raises(TooSlowError, match="longer than 0 s"):
        await limited(convert_timeout_s=0).preview(make_pdf(tmp_path / "a.pdf"), INFO)


async def test_a_cancelled_load_leaves_no_process(reader, tmp_path):
    task = asyncio.create_task(load(reader, make_pdf(tmp_path / "a.pdf", 90)))
    found = await started()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not found & children()


async def started() -> set[int]:
    while not (found := children()):  # noqa: ASYNC110 - a new process is no event
        await asyncio.sleep(0.01)
    return found


def children() -> set[int]:
    mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return {int(child) for child in mine if b"webui.media.worker" in Path(f"/proc/{child}/cmdline").read_bytes()}


async def test_a_killed_child_is_one_error(reader, tmp_path):
    task = asyncio.create_task(load(reader, make_pdf(tmp_path / "a.pdf", 90)))
    os.kill((await started()).pop(), signal.SIGSEGV)
    with pytest.raises(DamagedFileError):
        await task


async def test_memory_is_limited(tmp_path):
    path = make_picture(tmp_path / "a.png", (7000, 7000))
    with pytest.raises((TooLargeError, DamagedFileError)):
        await load(limited(convert_memory_bytes=150 * 1024**2), path)
