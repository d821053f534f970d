"""LibreOffice is bounded whatever it does, and no process that it started stays."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_office import FakeOffice, exists
from files import make_deck
from processes import adopt_orphans, descendants, living, until
from reading import INFO
from test_office_package import make_bomb

from webui.errors import AttachmentError, TooLargeError, TooSlowError
from webui.media.reader import MediaReader
from webui.protocol import MediaLimits

MEGABYTE = 1024**2


class Bench:
    """A reader over a fake LibreOffice, which knows the processes that were there before."""

    def __init__(self, office: FakeOffice, folder: Path, **limits: int) -> None:
        self.office, self._folder = office, folder
        self.reader = MediaReader(MediaLimits(**limits), office=str(office.program))
        self.reader.warm_up()
        self._before = descendants(dead=True)

    async def preview(self):
        return await self.reader.preview(make_deck(self._folder / "a.pptx"), INFO)

    def left_over(self) -> set[int]:
        return descendants(dead=True) - self._before


@pytest.fixture
def room(tmp_path) -> Callable[..., Bench]:
    adopt_orphans()
    benches: list[Bench] = []

    def room(deed: str, **limits: int) -> Bench:
        benches.append(Bench(FakeOffice.make(tmp_path, deed), tmp_path, **limits))
        return benches[-1]

    yield room
    for bench in benches:
        bench.reader.close()


@pytest.mark.parametrize("office", [True, False])
async def test_a_deck_with_too_much_xml_is_refused_before_it_is_opened(tmp_path, office):
    fake = FakeOffice.make(tmp_path, "write_pdf()")
    reader = MediaReader(MediaLimits(), office=str(fake.program) if office else None)
    with pytest.raises(TooLargeError, match=r"a\.pptx needs 300\.0 MB of XML; at most 64\.0 MB"):
        await reader.preview(make_bomb(tmp_path / "a.pptx", 300), INFO)
    assert not fake.started
    reader.close()


async def test_memory_of_libreoffice_itself_is_limited(room):
    one = room("held = take(400); time.sleep(600)", convert_memory_bytes=300 * MEGABYTE)
    with pytest.raises(TooLargeError, match=r"a\.pptx needs over 300\.0 MB of memory"):
        await one.preview()
    assert one.office.started
    assert not one.left_over()


async def test_memory_of_all_its_processes_counts_together(room):
    one = room(
        "pid = os.fork(); held = take(200); time.sleep(600)", convert_memory_bytes=300 * MEGABYTE
    )
    with pytest.raises(TooLargeError, match="over 300"):
        await one.preview()
    assert not one.left_over()


async def test_memory_that_processes_share_counts_once(room):
    deed = "held = take(200)\npid = os.fork()\ntime.sleep(1)\nif pid: write_pdf()"
    assert (await room(deed, convert_memory_bytes=300 * MEGABYTE).preview()).count == 2


async def test_memory_of_what_has_left_it_counts_too(room):
    deed = (
        "if os.fork(): time.sleep(600)\n"
        "os.setsid()\n"
        "if not os.fork(): held = take(400); time.sleep(600)"
    )
    one = room(deed, convert_memory_bytes=300 * MEGABYTE)
    with pytest.raises(TooLargeError, match="over 300"):
        await one.preview()
    assert not one.left_over()


async def test_nothing_stays_after_a_conversion(room):
    one = room("leave_behind(); write_pdf()")
    assert (await one.preview()).count == 2
    assert not exists(one.office.left)
    assert not one.left_over()


async def test_nothing_stays_after_stop(room):
    one = room("leave_behind(); time.sleep(600)")
    task = asyncio.create_task(one.preview())
    await until(lambda: one.office.left)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not exists(one.office.left))
    await until(lambda: not one.left_over())


async def test_nothing_stays_after_the_time_is_up(room):
    # On a busy machine the program may not have got that far within the first time limit.
    for timeout_s in (4, 15, 60):
        one = room("leave_behind(); time.sleep(600)", office_timeout_s=timeout_s)
        with pytest.raises(TooSlowError):
            await one.preview()
        if one.office.left:
            break
    assert one.office.left
    await until(lambda: not exists(one.office.left))
    await until(lambda: not one.left_over())


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
async def test_nothing_stays_after_a_crash(room, number):
    one = room(f"leave_behind(); os.kill(os.getppid(), {int(number)}); time.sleep(600)")
    with pytest.raises(AttachmentError):
        await one.preview()
    assert not exists(one.office.left)
    assert not one.left_over()


async def test_nothing_stays_when_the_fork_server_is_killed(room):
    one = room("leave_behind(); time.sleep(600)")
    task = asyncio.create_task(one.preview())
    await until(lambda: one.office.left)
    (fork_server,) = (pid for pid in descendants() if living()[pid][0] == os.getpid())
    os.kill(fork_server, signal.SIGKILL)
    with pytest.raises(AttachmentError):
        await task
    await until(lambda: one.office.left not in living())


async def test_one_deck_ends_no_program_of_another(room, tmp_path):
    """A second file is converted while the program of the first one goes on."""
    deed = (
        "leave_behind()\n"
        "if os.path.realpath(sys.argv[-1]).endswith('a.pptx'): time.sleep(600)\n"
        "write_pdf()"
    )
    one = room(deed)
    first = asyncio.create_task(one.preview())
    await until(lambda: one.office.left)
    kept = one.office.left
    make_deck(tmp_path / "b.pptx", 5)
    await one.reader.preview(tmp_path / "b.pptx", INFO)
    assert exists(kept)
    assert kept != one.office.left
    assert not first.done()
    first.cancel()
    await asyncio.wait([first])
    assert not exists(kept)
    assert not one.left_over()
