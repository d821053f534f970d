"""Run each job in a child process of its own, which can be killed with everything it started.

Knows processes and limits; knows no file format. The child sends lines of JSON, and after a line
that announces `bytes` that many raw ones: nothing of it is ever unpickled, and every value is
checked before it is used.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webui.errors import AttachmentError, DamagedFileError, TooLargeError, TooSlowError
from webui.media.sandbox.process_pool import Child, ProcessPool
from webui.media.sizes import MEGABYTE, megabytes

# Two a page are usual. Lines that have arrived already are read without a pause for other tasks.
MAX_LINES = 50_000
# A child with threads may use both cores of a small server: more processor time than wall clock.
CORES = 2

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one child: seconds, address space, the size of a file it writes, and its output."""

    wall_s: float
    memory_bytes: int
    file_bytes: int = 512 * MEGABYTE
    output_bytes: int = 768 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Reply:
    """One line from the child, and the raw bytes behind it."""

    values: dict[str, Any]
    data: bytes = b""


OnReply = Callable[[Reply], Awaitable[None]]
OnProgress = Callable[[int, int], None]


def ignore_progress(done: int, total: int) -> None:
    """For callers that do not show it."""


class Sandbox:
    """Runs jobs, each in a child of the pool."""

    def __init__(self, pool: ProcessPool, temp_folder: Path | None = None) -> None:
        """`temp_folder` holds the folder of each child, None for the system's."""
        self._pool, self._temp_folder = pool, temp_folder

    async def run(
        self,
        job: dict[str, Any],
        name: str,
        limits: Limits,
        on_reply: OnReply,
        on_progress: OnProgress = ignore_progress,
        *,
        payload: bytes = b"",
        entry: str = "",
    ) -> None:
        """Run the job, and pass on each reply as it comes.

        `name` is what the user calls the file; `payload` goes to the child behind its job. `entry`
        names another module than the pool's to run.

        Raises the AttachmentError that the child sent, TooSlowError at the limit of wall clock or
        processor time, TooLargeError at that of memory or output, DamagedFileError if the child
        died, or if it or `on_reply` found its replies malformed, and a plain AttachmentError if no
        process can be started. Cancelling ends the child too.
        """
        with tempfile.TemporaryDirectory(
            prefix="webui-", dir=self._temp_folder, ignore_cleanup_errors=True
        ) as folder:
            job = {
                **job,
                "name": name,
                "payload_bytes": len(payload),
                "folder": folder,
                "memory_bytes": limits.memory_bytes,
                "file_bytes": limits.file_bytes,
                "cpu_s": int(limits.wall_s * CORES) + 1,
            }
            try:
                child = await self._pool.start(folder, entry)
            except OSError as error:
                logger.exception("%s: no process to read it", name)
                raise AttachmentError(name=name) from error
            request = json.dumps(job).encode() + b"\n" + payload
            try:
                async with asyncio.timeout(limits.wall_s):
                    await _send(child, request)
                    await _receive(child, name, limits, on_reply, on_progress)
            except TimeoutError as error:
                raise TooSlowError(name=name, limit_s=int(limits.wall_s)) from error
            except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
                logger.warning("%s: malformed reply: %r", name, error)
                raise DamagedFileError(name=name) from error
            finally:
                await child.kill()

    def warm_up(self) -> None:
        """Prepare for the first job."""
        self._pool.warm_up()

    def close(self) -> None:
        """End all jobs."""
        self._pool.close()


async def _send(child: Child, request: bytes) -> None:
    with suppress(OSError):  # a child that has died is noticed by what it does not send
        child.writer.write(request)
        await child.writer.drain()
        child.writer.write_eof()


async def _receive(
    child: Child, name: str, limits: Limits, on_reply: OnReply, on_progress: OnProgress
) -> None:
    """Read replies until the child says that it is done."""
    received = lines = 0
    while line := await child.reader.readline():
        lines += 1
        if lines > MAX_LINES:
            raise ValueError(f"more than {MAX_LINES} lines")
        values = json.loads(line)
        if "error" in values:
            raise _parse_error(values, name)
        if values.get("done"):
            return
        if "progress" in values:
            done, total = values["progress"]
            on_progress(int(done), int(total))
            continue
        count = int(values.get("bytes", 0))
        received += len(line) + count
        if received > limits.output_bytes:
            limit = megabytes(limits.output_bytes)
            raise TooLargeError(name=name, size=megabytes(received), limit=limit)
        try:
            data = await child.reader.readexactly(count)
        except asyncio.IncompleteReadError:
            break
        await on_reply(Reply(values, data))
    raise _explain_exit(await child.wait(), name, limits)


def _parse_error(values: dict[str, Any], name: str) -> AttachmentError:
    """Return the error that the child named. Raises KeyError for any other name."""
    if values.get("detail"):
        logger.info("%s: %s", name, values["detail"])
    classes: list[type[AttachmentError]] = [AttachmentError, *AttachmentError.__subclasses__()]
    known = {error_class.__name__: error_class for error_class in classes}
    return known[values["error"]](**{**values["params"], "name": name})


def _explain_exit(exit_code: int, name: str, limits: Limits) -> AttachmentError:
    """Return the error behind the end of a child that did not say that it was done."""
    logger.info("%s: the child ended with status %s", name, exit_code)
    if -exit_code == signal.SIGXCPU:
        return TooSlowError(name=name, limit_s=int(limits.wall_s))
    if -exit_code == signal.SIGXFSZ:
        size = f"over {megabytes(limits.file_bytes)}"
        return TooLargeError(name=name, size=size, limit="that much")
    if -exit_code == signal.SIGKILL:  # by the system, which ran out of memory
        limit = megabytes(limits.memory_bytes)
        return TooLargeError(name=name, size="more memory than there is", limit=limit)
    return DamagedFileError(name=name)
