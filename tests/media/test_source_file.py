"""Files are opened without following links; a child reads the file that was recognised."""

import asyncio
import os
from pathlib import Path

import pytest
from files import make_picture
from processes import GUARD_S
from reading import INFO

from webui.errors import AttachmentError, TooLargeError
from webui.media.reader import WORKER, MediaReader
from webui.media.sandbox.process_pool import ProcessPool
from webui.media.sandbox.sandbox import Sandbox
from webui.media.source_file import pin, recognise
from webui.protocol import MediaLimits


def link(path: Path) -> None:
    path.symlink_to(make_picture(path.with_name("good.png")))


@pytest.mark.parametrize("make", [link, os.mkfifo, os.mkdir, lambda path: None])
async def test_other_things_than_regular_files_are_refused_at_once(reader, tmp_path, make):
    make(tmp_path / "a.png")
    with pytest.raises(AttachmentError, match=r"a\.png cannot be read"):
        await asyncio.wait_for(reader.preview(tmp_path / "a.png", INFO), GUARD_S)


def test_a_device_is_refused():
    with pytest.raises(AttachmentError):
        recognise(Path("/dev/zero"), 1000)


def test_the_size_is_that_of_the_opened_file(tmp_path):
    path = make_picture(tmp_path / "a.png")
    assert recognise(path, 10**6).size_bytes == path.stat().st_size
    with pytest.raises(TooLargeError):
        recognise(path, 10)


def test_a_pinned_file_stays_the_same_whatever_takes_its_place(tmp_path):
    path = make_picture(tmp_path / "a.png")
    mine = path.read_bytes()
    place = pin(str(path), recognise(path, 10**6).identity, "a.png")
    make_picture(tmp_path / "b.png", (9, 9)).replace(path)
    assert Path(place).read_bytes() == mine != path.read_bytes()


class SwappingSandbox(Sandbox):
    """Replaces the file before the child is started."""

    def __init__(self, swap):
        super().__init__(ProcessPool(WORKER))
        self._swap = swap

    async def run(self, job, *arguments, **more):
        self._swap(Path(job["path"]))
        return await super().run(job, *arguments, **more)


def swap_for_link(path: Path) -> None:
    path.rename(path.with_name("kept.png"))
    path.symlink_to("kept.png")


def swap_for_file(path: Path) -> None:
    make_picture(path.with_name("other.png"), (9, 9)).replace(path)


@pytest.mark.parametrize("swap", [swap_for_link, swap_for_file])
async def test_a_file_that_takes_the_place_of_another_is_not_read(tmp_path, swap):
    reader = MediaReader(MediaLimits(), office=None, sandbox=SwappingSandbox(swap))
    with pytest.raises(AttachmentError, match=r"a\.png cannot be read"):
        await reader.preview(make_picture(tmp_path / "a.png"), INFO)
    reader.close()
