"""Runs one conversion in a child process of its own that can be killed with everything it started.

Knows processes and limits; knows no file format. The child sends lines of JSON, and after a line that announces an
image its raw RGB bytes: nothing of the child's is ever unpickled.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

import webui.errors
from webui.errors import AttachmentError, DamagedFileError, TooLargeError, TooSlowError

ROOT = Path(__file__).parents[2]
# -I: neither the environment nor the working folder decides what the child imports.
CHILD = f"import sys; sys.path.append({str(ROOT)!r}); from webui.media.worker import main; main()"
MEGABYTE = 1024**2
LONGEST_LINE = 16 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use. The processor time follows from the wall clock; output is what it may send."""

    wall_s: float
    memory_bytes: int
    output_bytes: int = 2048 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Reply:
    """One line from the child, and the image behind it if it announced one."""

    values: dict[str, Any]
    image: Image.Image | None = None


async def run(job: dict[str, Any], name: str, limits: Limits, on_progress: Callable[[int, int], None]) -> list[Reply]:
    """All that the child sent. `name` is what the person calls the file.

    Raises the AttachmentError that the child met, TooSlowError at the wall or CPU limit, TooLargeError when memory or
    output ran out, DamagedFileError when the child died of the file. Cancelling ends the child too.
    """
    with tempfile.TemporaryDirectory(prefix="webui-") as folder:
        job = {
            **job,
            "name": name,
            "folder": folder,
            "memory_bytes": limits.memory_bytes,
            "cpu_s": int(limits.wall_s) + 5,
        }
        async with _child(folder) as child:
            try:
                return await asyncio.wait_for(_talk(child, job, name, limits, on_progress), limits.wall_s)
            except (asyncio.TimeoutError, TimeoutError) as error:
                raise TooSlowError(name=name, limit_s=int(limits.wall_s)) from error


@asynccontextmanager
async def _child(folder: str) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-c",
        CHILD,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=folder,
        env={"PATH": os.defpath, "HOME": folder, "LANG": "C.UTF-8", "TMPDIR": folder},
        start_new_session=True,
        limit=LONGEST_LINE,
    )
    try:
        yield child
    finally:
        # The whole group: LibreOffice's wrapper leaves its worker behind otherwise.
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


async def _talk(
    child: asyncio.subprocess.Process,
    job: dict[str, Any],
    name: str,
    limits: Limits,
    on_progress: Callable[[int, int], None],
) -> list[Reply]:
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(json.dumps(job).encode() + b"\n")
        await child.stdin.drain()
        child.stdin.close()
    replies: list[Reply] = []
    received = 0
    while line := await child.stdout.readline():
        values = json.loads(line)
        if "progress" in values:
            on_progress(*values["progress"])
        elif "error" in values:
            raise _error(values, name)
        else:
            received += values.get("bytes", 0)
            if received > limits.output_bytes:
                raise TooLargeError(name=name, size=megabytes(received), limit=megabytes(limits.output_bytes))
            replies.append(Reply(values, await _image(values, child.stdout)))
            if values.get("done"):
                return replies
    raise _death(await child.wait(), name, limits)


async def _image(values: dict[str, Any], stream: asyncio.StreamReader) -> Image.Image | None:
    if "bytes" not in values:
        return None
    raw = await stream.readexactly(values["bytes"])
    return Image.frombytes("RGB", tuple(values["size"]), raw)


def _error(values: dict[str, Any], name: str) -> AttachmentError:
    kind = getattr(webui.errors, str(values["error"]), DamagedFileError)
    return kind(**{**values["params"], "name": name})  # type: ignore[no-any-return]


def _death(status: int, name: str, limits: Limits) -> AttachmentError:
    """What it means that the child ended without a word."""
    if -status in (signal.SIGXCPU, signal.SIGKILL):
        return TooSlowError(name=name, limit_s=int(limits.wall_s))
    return DamagedFileError(name=name)


def megabytes(count: int) -> str:
    return f"{count / MEGABYTE:,.1f} MB"
