"""Children come from one process that has a single thread, is replaced when it is gone, and takes them along."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from processes import adopt_orphans, descendants, living, until

from webui.media.reader import WORKER
from webui.media.sandbox.process_pool import ProcessPool


@pytest.fixture
def pool():
    adopt_orphans()
    before = descendants()
    pool = ProcessPool(WORKER)
    yield pool
    pool.close()
    assert descendants() <= before


async def start(pool: ProcessPool, folder: Path, deed: str):
    """A child at one of its deeds; what it says first, if it is one that speaks."""
    child = await pool.start(str(folder), "hostile")
    limits = b'"memory_bytes": 300000000, "file_bytes": 1000, "cpu_s": 9'
    child.writer.write(b'{"deed": "%s", %s}\n' % (deed.encode(), limits))
    return child, await asyncio.wait_for(child.reader.readline(), 20) if deed == "sleep" else b""


def fork_server() -> int:
    (pid,) = (pid for pid in descendants() if living()[pid][0] == os.getpid())
    return pid


def threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


async def test_what_forks_has_one_thread(pool, tmp_path):
    child, _ = await start(pool, tmp_path, "sleep")
    assert threads_of(fork_server()) == 1
    await child.kill()


async def test_it_tells_how_a_child_ended(pool, tmp_path):
    crashed, _ = await start(pool, tmp_path, "crash")
    assert await asyncio.wait_for(crashed.wait(), 20) == -signal.SIGABRT
    await crashed.kill()
    done, _ = await start(pool, tmp_path, "nonsense")
    await done.reader.read()
    assert await asyncio.wait_for(done.wait(), 20) == 0
    await done.kill()


async def test_a_dead_zygote_takes_its_children_along_and_is_replaced(pool, tmp_path):
    child, _ = await start(pool, tmp_path, "sleep")
    first = fork_server()
    os.kill(first, signal.SIGKILL)
    await until(lambda: not {first, child.pid} & living().keys())
    await child.kill()
    other, said = await start(pool, tmp_path, "sleep")
    assert b"pid" in said
    assert fork_server() != first
    await other.kill()


async def test_closing_ends_all_children(pool, tmp_path):
    started = await asyncio.gather(*(start(pool, tmp_path, "sleep") for _ in range(3)))
    await asyncio.to_thread(pool.close)
    await until(lambda: not {child.pid for child, _ in started} & living().keys())
    for child, _ in started:
        await child.kill()


async def test_one_that_nobody_waits_for_any_more_ends(pool, tmp_path):
    pool.warm_up()
    task = asyncio.create_task(pool.start(str(tmp_path), "hostile"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: descendants() == {fork_server()})


def test_who_forgets_to_close_leaves_nothing_behind():
    adopt_orphans()
    before = descendants()
    pool = ProcessPool(WORKER)
    pool.warm_up()
    assert descendants() > before
    del pool
    assert descendants() <= before
