"""Runs each conversion in a child process of its own that can be killed with everything it started.

Knows processes and limits; knows no file format. The child sends lines of JSON, and after a line that announces
`bytes` that many raw ones: nothing of the child's is ever unpickled, and nothing it says is believed unchecked.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from webui.errors import AttachmentError, DamagedFileError, TooLargeError, TooSlowError
from webui.media.sandbox.process_pool import Child, Children
from webui.media.sizes import MEGABYTE, megabytes

WORKER = "webui.media.worker"
# Two a page are usual. Reading lines that are already there never lets the event loop go.
MOST_LINES = 50_000
# More processor time than wall clock: a child with threads may use both cores.
CORES = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use: seconds, memory, the size of a file it writes, and what it may send in all."""

    wall_s: float
    memory_bytes: int
    file_bytes: int = 512 * MEGABYTE
    output_bytes: int = 768 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Reply:
    """One line from the child, and the raw bytes behind it if it announced some."""

    values: dict[str, Any]
    data: bytes = b""


class Sandbox:
    """Where children work, each at one job."""

    def __init__(self, children: Children) -> None:
        self._children = children

    async def run(
        self,
        job: dict[str, Any],
        name: str,
        limits: Limits,
        on_progress: Callable[[int, int], None],
        *,
        data: bytes = b"",
        entry: str = WORKER,
    ) -> list[Reply]:
        """All that the child sent. `name` is what the person calls the file; `data` goes to the child behind its job.

        `entry` is the module whose main the child runs.

        Raises the AttachmentError that the child met, TooSlowError at the wall or CPU limit, TooLargeError when memory
        or output ran out, DamagedFileError when the child died of the file, a plain AttachmentError if there can be no
        child. Cancelling ends the child too.
        """
        with tempfile.TemporaryDirectory(prefix="webui-", ignore_cleanup_errors=True) as folder:
            job = {
                **job,
                "name": name,
                "sent": len(data),
                "folder": folder,
                "memory_bytes": limits.memory_bytes,
                "file_bytes": limits.file_bytes,
                "cpu_s": int(limits.wall_s * CORES) + 1,
            }
            try:
                child = await self._children.start(folder, entry)
            except OSError as error:
                log.exception("%s: no child to read it", name)
                raise AttachmentError(name=name) from error
            try:
                return await asyncio.wait_for(
                    _talk(
                        child, json.dumps(job).encode() + b"\n" + data, name, limits, on_progress
                    ),
                    limits.wall_s,
                )
            except TimeoutError as error:
                raise TooSlowError(name=name, limit_s=int(limits.wall_s)) from error
            except (ValueError, LookupError, TypeError, RecursionError) as error:
                log.warning("%s: the child does not speak as it should: %r", name, error)
                raise DamagedFileError(name=name) from error
            finally:
                await child.end()

    def warm_up(self) -> None:
        """Prepare for the first job."""
        self._children.warm_up()

    def close(self) -> None:
        """End what still runs."""
        self._children.close()


async def _talk(
    child: Child,
    job: bytes,
    name: str,
    limits: Limits,
    on_progress: Callable[[int, int], None],
) -> list[Reply]:
    with suppress(OSError):
        child.writer.write(job)
        await child.writer.drain()
        child.writer.write_eof()
    replies: list[Reply] = []
    received = lines = 0
    while line := await child.reader.readline():
        lines += 1
        if lines > MOST_LINES:
            raise ValueError(f"more than {MOST_LINES} lines")
        values = json.loads(line)
        if "error" in values:
            raise _error(values, name)
        if values.get("done"):
            return replies
        if "progress" in values:
            done, total = values["progress"]
            on_progress(int(done), int(total))
        else:
            count = int(values.get("bytes", 0))
            received += len(line) + count
            if received > limits.output_bytes:
                raise TooLargeError(
                    name=name, size=megabytes(received), limit=megabytes(limits.output_bytes)
                )
            try:
                replies.append(Reply(values, await child.reader.readexactly(count)))
            except asyncio.IncompleteReadError:
                break
    raise _death(await child.status(), name, limits)


def _error(values: dict[str, Any], name: str) -> AttachmentError:
    """The error that the child names; a name that is none of ours is a KeyError."""
    if values.get("detail"):
        log.info("%s: %s", name, values["detail"])
    kinds: list[type[AttachmentError]] = [AttachmentError, *AttachmentError.__subclasses__()]
    named = {kind.__name__: kind for kind in kinds}
    return named[values["error"]](**{**values["params"], "name": name})


def _death(status: int, name: str, limits: Limits) -> AttachmentError:
    """What it means that the child ended without a word."""
    log.info("%s: the child ended with status %s", name, status)
    if -status == signal.SIGXCPU:
        return TooSlowError(name=name, limit_s=int(limits.wall_s))
    if -status == signal.SIGXFSZ:
        return TooLargeError(
            name=name, size=f"over {megabytes(limits.file_bytes)}", limit="that much"
        )
    if -status == signal.SIGKILL:  # by the system, for want of memory
        return TooLargeError(
            name=name, size="more memory than there is", limit=megabytes(limits.memory_bytes)
        )
    return DamagedFileError(name=name)
