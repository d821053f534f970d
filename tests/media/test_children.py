"""Children come from one process that has a single thread, is replaced when it is gone, and takes them along."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from processes import adopt_orphans, descendants, living, until

from webui.media.sandbox.process_pool import Children


@pytest.fixture
def children():
    adopt_orphans()
    before = descendants()
    children = Children()
    yield children
    children.close()
    assert descendants() <= before


async def start(children: Children, folder: Path, deed: str):
    """A child at one of its deeds; what it says first, if it is one that speaks."""
    child = await children.start(str(folder), "hostile")
    limits = b'"memory_bytes": 300000000, "file_bytes": 1000, "cpu_s": 9'
    child.writer.write(b'{"deed": "%s", %s}\n' % (deed.encode(), limits))
    return child, await asyncio.wait_for(child.reader.readline(), 20) if deed == "sleep" else b""


def zygote() -> int:
    (pid,) = (pid for pid in descendants() if living()[pid][0] == os.getpid())
    return pid


def threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


async def test_what_forks_has_one_thread(children, tmp_path):
    child, _ = await start(children, tmp_path, "sleep")
    assert threads_of(zygote()) == 1
    await child.end()


async def test_it_tells_how_a_child_ended(children, tmp_path):
    crashed, _ = await start(children, tmp_path, "crash")
    assert await asyncio.wait_for(crashed.status(), 20) == -signal.SIGABRT
    await crashed.end()
    done, _ = await start(children, tmp_path, "nonsense")
    await done.reader.read()
    assert await asyncio.wait_for(done.status(), 20) == 0
    await done.end()


async def test_a_dead_zygote_takes_its_children_along_and_is_replaced(children, tmp_path):
    child, _ = await start(children, tmp_path, "sleep")
    first = zygote()
    os.kill(first, signal.SIGKILL)
    await until(lambda: not {first, child.pid} & living().keys())
    await child.end()
    other, said = await start(children, tmp_path, "sleep")
    assert b"pid" in said
    assert zygote() != first
    await other.end()


async def test_closing_ends_all_children(children, tmp_path):
    started = await asyncio.gather(*(start(children, tmp_path, "sleep") for _ in range(3)))
    await asyncio.to_thread(children.close)
    await until(lambda: not {child.pid for child, _ in started} & living().keys())
    for child, _ in started:
        await child.end()


async def test_one_that_nobody_waits_for_any_more_ends(children, tmp_path):
    children.warm_up()
    task = asyncio.create_task(children.start(str(tmp_path), "hostile"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: descendants() == {zygote()})


def test_who_forgets_to_close_leaves_nothing_behind():
    adopt_orphans()
    before = descendants()
    children = Children()
    children.warm_up()
    assert descendants() > before
    del children
    assert descendants() <= before
