"""Children come from a fork server with a single thread, which is replaced when it dies."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
from processes import GUARD_S, adopt_orphans, descendants, living, until

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


async def start(pool: ProcessPool, folder: Path, deed: str, cpu_s: int = 9):
    """Start a child with a deed, and return it with its first line if the deed is to sleep."""
    child = await pool.start(str(folder), "hostile")
    limits = {"memory_bytes": 300_000_000, "file_bytes": 1000, "cpu_s": cpu_s}
    child.writer.write(json.dumps({"deed": deed, **limits}).encode() + b"\n")
    return child, await asyncio.wait_for(
        child.reader.readline(), GUARD_S
    ) if deed == "sleep" else b""


def fork_server() -> int:
    (pid,) = (pid for pid in descendants() if living()[pid][0] == os.getpid())
    return pid


def threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


async def test_the_fork_server_has_one_thread(pool, tmp_path):
    child, _ = await start(pool, tmp_path, "sleep")
    assert threads_of(fork_server()) == 1
    await child.kill()


async def test_the_exit_code_of_a_child_is_reported(pool, tmp_path):
    crashed, _ = await start(pool, tmp_path, "crash")
    assert await asyncio.wait_for(crashed.wait(), GUARD_S) == -signal.SIGABRT
    await crashed.kill()
    done, _ = await start(pool, tmp_path, "nonsense")
    await done.reader.read()
    assert await asyncio.wait_for(done.wait(), GUARD_S) == 0
    await done.kill()


async def test_processor_time_is_limited(pool, tmp_path):
    child, _ = await start(pool, tmp_path, "loop", cpu_s=1)
    assert await asyncio.wait_for(child.wait(), GUARD_S) == -signal.SIGXCPU
    await child.kill()


async def test_children_find_their_libraries_loaded(pool, tmp_path):
    child, _ = await start(pool, tmp_path, "print_modules")
    modules = json.loads(await asyncio.wait_for(child.reader.readline(), GUARD_S))["modules"]
    assert {"PIL.JpegImagePlugin", "pymupdf", "webui.media.formats.image"} <= set(modules)
    await child.kill()


async def test_a_dead_fork_server_takes_its_children_along_and_is_replaced(pool, tmp_path):
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


async def test_a_child_whose_caller_is_cancelled_ends(pool, tmp_path):
    pool.warm_up()
    task = asyncio.create_task(pool.start(str(tmp_path), "hostile"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: descendants() == {fork_server()})


def test_a_pool_that_is_not_closed_leaves_nothing_behind():
    adopt_orphans()
    before = descendants()
    pool = ProcessPool(WORKER)
    pool.warm_up()
    assert descendants() > before
    del pool
    assert descendants() <= before
