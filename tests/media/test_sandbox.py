"""A child that misbehaves is ended within its limits and leaves nothing behind."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from processes import adopt_orphans, descendants, living, until

from webui.errors import (
    AttachmentError,
    DamagedFileError,
    PageRangeError,
    TooLargeError,
    TooSlowError,
)
from webui.media.reader import WORKER
from webui.media.sandbox.process_pool import FEW_THREADS, ProcessPool
from webui.media.sandbox.sandbox import MEGABYTE, Limits, Reply, Sandbox

LIMITS = Limits(
    wall_s=60, memory_bytes=300 * MEGABYTE, file_bytes=20 * MEGABYTE, output_bytes=5 * MEGABYTE
)
QUICK = Limits(wall_s=1.5, memory_bytes=300 * MEGABYTE)


@pytest.fixture(scope="module")
def sandbox():
    adopt_orphans()
    sandbox = Sandbox(ProcessPool(WORKER))
    sandbox.warm_up()
    yield sandbox
    sandbox.close()


@pytest.fixture
def do(sandbox):
    async def do(deed: str, limits: Limits = LIMITS, **more) -> list[Reply]:
        replies: list[Reply] = []

        async def receive(reply: Reply) -> None:
            replies.append(reply)

        await sandbox.run({"deed": deed, **more}, "a.pdf", limits, receive, entry="hostile")
        return replies

    before = descendants(dead=True)
    yield do
    assert descendants(dead=True) <= before


@pytest.mark.parametrize("deed", ["loop", "sleep", "fork", "escape"])
async def test_the_wall_clock_ends_it_with_all_its_children(do, deed):
    with pytest.raises(TooSlowError, match=r"a\.pdf took longer than 1 s"):
        await do(deed, QUICK)


@pytest.mark.parametrize(
    ("deed", "error"),
    [
        ("hoard", DamagedFileError),
        ("scribble", DamagedFileError),
        ("flood", DamagedFileError),
        ("boast", TooLargeError),
        ("endless_line", DamagedFileError),
        ("stop_short", DamagedFileError),
        ("nonsense", DamagedFileError),
        ("crash", DamagedFileError),
        ("exceed_cpu", TooSlowError),
    ],
)
async def test_what_it_takes_and_sends_is_limited(do, deed, error):
    with pytest.raises(error, match=r"a\.pdf"):
        await do(deed)


@pytest.mark.parametrize(
    "words",
    [
        {"error": "SystemExit", "params": {}},
        {"error": "PageRangeError", "params": {}},
        {"error": ["x"], "params": {}},
        {"progress": "soon"},
        {"bytes": -1},
        {"bytes": "many"},
        {"bytes": float("inf")},
    ],
)
async def test_malformed_replies_are_damage(do, words):
    with pytest.raises(DamagedFileError):
        await do("babble", words=words)


async def test_a_reply_that_its_reader_finds_malformed_is_damage(sandbox):
    async def refuse(reply: Reply) -> None:
        raise ValueError("a size of -1 x 1")

    job = {"deed": "babble", "words": {"bytes": 0}}
    with pytest.raises(DamagedFileError):
        await sandbox.run(job, "a.pdf", LIMITS, refuse, entry="hostile")


async def test_its_error_arrives_as_that_error_about_this_file(do):
    words = {"error": "PageRangeError", "params": {"name": "/tmp/x", "value": "9", "pages": 3}}
    with pytest.raises(PageRangeError, match=r"'9' does not fit a\.pdf, which has 3 pages"):
        await do("babble", words=words)


@pytest.mark.parametrize(("deed", "processes"), [("fork", 5), ("escape", 3)])
async def test_cancelling_ends_it(do, deed, processes):
    task = asyncio.create_task(do(deed))
    await until(lambda: len(descendants()) == processes)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_it_sees_no_environment_and_has_a_group_of_its_own(do):
    reply, other = (*await do("print_environment"), *await do("print_environment"))
    assert reply.values["group"] != other.values["group"]
    assert set(reply.values["environment"]) <= {
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "LC_CTYPE",
        *FEW_THREADS,
    }
    assert reply.values["group"] == reply.values["session"] != os.getpgid(0)


async def test_its_folder_is_gone_afterwards(do):
    (reply,) = await do("print_environment")
    assert not await asyncio.to_thread(os.path.exists, reply.values["environment"]["HOME"])


async def test_many_at_once_keep_apart(do):
    results = await asyncio.gather(
        *(do("babble", words={"done": True}) for _ in range(4)), do("crash"), return_exceptions=True
    )
    assert results[:4] == [[]] * 4
    assert isinstance(results[4], AttachmentError)


async def test_orphans_that_end_by_themselves_do_no_harm(do):
    for _ in range(3):
        await do("litter")


class EmptyPool(ProcessPool):
    """A pool where no process can be started."""

    async def start(self, folder, entry=""):
        raise BlockingIOError("Resource temporarily unavailable")


async def test_without_a_process_a_file_cannot_be_read():
    with pytest.raises(AttachmentError, match=r"a\.pdf"):
        await Sandbox(EmptyPool("")).run({}, "a.pdf", LIMITS, lambda reply: None)


SERVER = """
import asyncio, sys
sys.path[:0] = {paths!r}
from webui.media.sandbox.process_pool import ProcessPool
from webui.media.sandbox.sandbox import Limits, Sandbox
async def ignore(reply): pass
sandbox = Sandbox(ProcessPool("webui.media.worker"))
limits = Limits(600, 300 * 2**20)
asyncio.run(sandbox.run({{"deed": "sleep"}}, "a", limits, ignore, entry="hostile"))
"""


async def test_it_ends_when_the_server_is_killed():
    paths = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "support")]
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER.format(paths=paths))
    below = await until(lambda: len(found := descendants(server.pid)) == 2 and found)
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    await until(lambda: not below & living().keys())
