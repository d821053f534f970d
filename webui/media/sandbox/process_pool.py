"""Children: processes forked from one that has the libraries loaded. That takes milliseconds, where to start Python and
to load them takes tenths of a second. Knows processes and sockets; knows no job.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from weakref import finalize

ROOT = str(Path(__file__).parents[2])
START = "import sys; sys.path[:0] = {paths!r}; from webui.media.sandbox.fork_server import main; main({control})"
# Where there are many cores, libraries reserve more address space for their threads than a child may have.
FRUGAL = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
LONGEST_LINE = 16 * 1024**2
# For the first answer, from a cold disk too.
PATIENCE_S = 60.0
LAST_WORDS_S = 5.0


@dataclass(frozen=True, slots=True)
class Child:
    """One that runs, the leader of a process group of its own: `writer` is its input, `reader` its output."""

    pid: int
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader
    _output: asyncio.StreamWriter
    _status: socket.socket

    async def status(self) -> int:
        """How it ended, once it has: its exit status, or below zero the signal that killed it."""
        return int(await asyncio.get_running_loop().sock_recv(self._status, 16) or b"0")

    async def end(self) -> None:
        """Kill it with everything it started. Returns once it is gone and its output closed."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        try:
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(self._gone(), LAST_WORDS_S)
        finally:
            self.writer.close()
            self._output.close()
            self._status.close()

    async def _gone(self) -> None:
        while await self.reader.read(1024**2):
            pass
        await self.status()


class Children:
    """Starts the zygote when it is first needed, and again if it is gone. Serves any event loop."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._zygote: tuple[socket.socket, finalize] | None = None

    async def start(self, folder: str, entry: str) -> Child:
        """One that works in that folder and runs the `main` of that module. Raises OSError if there can be none."""
        pairs = [socket.socketpair() for _ in range(3)]
        request = json.dumps({"folder": folder, "entry": entry}).encode()
        (source, target, status), theirs = zip(*pairs, strict=True)
        with ExitStack() as ours:
            for each in (source, target, status):
                ours.enter_context(each)
            # Shielded: what is given away must stay open until it is.
            pid = await asyncio.shield(asyncio.to_thread(self._fork, request, theirs))
            status.setblocking(False)
            # Two, so that a child that takes no more input can still be listened to.
            _, writer = await asyncio.open_unix_connection(sock=source)
            reader, output = await asyncio.open_unix_connection(sock=target, limit=LONGEST_LINE)
            # Before here, a child that nobody waits for any more finds no job and ends.
            ours.pop_all()
        return Child(pid, writer, reader, output, status)

    def warm_up(self) -> None:
        """Start the zygote before it is needed."""
        with self._lock:
            self._control()

    def close(self) -> None:
        """End the zygote, and with it all children."""
        with self._lock:
            self._stop()

    def _fork(self, request: bytes, given: Sequence[socket.socket]) -> int:
        """The number of a child that has these sockets, which are closed here."""
        with self._lock, ExitStack() as ours:
            for each in given:
                ours.enter_context(each)
            for _ in range(2):  # what is gone shows when it is asked, and is then replaced
                with suppress(OSError):
                    control = self._control()
                    socket.send_fds(control, [request], [each.fileno() for each in given])
                    if pid := int(control.recv(16) or 0):
                        return pid
                self._stop()
        raise OSError("no child process could be started")

    def _control(self) -> socket.socket:
        """Where to ask the zygote that runs."""
        if self._zygote is None:
            ours, theirs = socket.socketpair()
            ours.settimeout(PATIENCE_S)
            # -I: neither the environment nor the working folder decides what it imports; it finds what we find.
            paths = [ROOT, *(path for path in sys.path if path and path != ROOT)]
            with theirs:
                process = subprocess.Popen(
                    [
                        sys.executable,
                        "-I",
                        "-c",
                        START.format(paths=paths, control=theirs.fileno()),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env={"PATH": os.defpath, "LANG": "C.UTF-8", **FRUGAL},
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            self._zygote = ours, finalize(self, _end, ours, process)
        return self._zygote[0]

    def _stop(self) -> None:
        if self._zygote is not None:
            self._zygote[1]()
            self._zygote = None


def _end(control: socket.socket, process: subprocess.Popen[bytes]) -> None:
    """It ends when nobody is left who asks."""
    control.close()
    try:
        process.wait(LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
