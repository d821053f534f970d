"""Start child processes by forking a server that has the libraries loaded.

That takes milliseconds, where to start Python and to load them takes tenths of a second. Knows
processes and sockets; knows no job.
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

ROOT = str(Path(__file__).parents[3])
START = (
    "import sys; sys.path[:0] = {paths!r}; "
    "from webui.media.sandbox.fork_server import main; main({control}, {worker!r})"
)
# Where there are many cores, libraries reserve more address space for their threads than a child
# may have.
FEW_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
MAX_LINE_BYTES = 16 * 1024**2
# The first answer comes after the libraries are loaded, perhaps from a cold disk.
REPLY_TIMEOUT_S = 60.0
EXIT_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Child:
    """A running child, the leader of a process group of its own.

    `writer` is its standard input, `reader` its standard output.
    """

    pid: int
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader
    _output: asyncio.StreamWriter
    _status: socket.socket

    async def wait(self) -> int:
        """Return its exit code once it has ended, or minus the signal that killed it."""
        return int(await asyncio.get_running_loop().sock_recv(self._status, 16) or b"0")

    async def kill(self) -> None:
        """Kill it with everything it started. Return once all is gone and its output closed."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        try:
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(self._wait_until_gone(), EXIT_TIMEOUT_S)
        finally:
            self.writer.close()
            self._output.close()
            self._status.close()

    async def _wait_until_gone(self) -> None:
        while await self.reader.read(1024**2):
            pass
        await self.wait()


class ProcessPool:
    """Starts the fork server when it is first needed, and again if it has died.

    `worker` names the module whose `load_libraries` runs in the fork server and whose `main` runs
    in a child. Serves any event loop.
    """

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._lock = Lock()
        self._server: tuple[socket.socket, finalize] | None = None

    async def start(self, folder: str, entry: str = "") -> Child:
        """Start a child that works in that folder.

        `entry` names another module whose `main` it runs. Raises OSError if no process can be
        started.
        """
        pairs = [socket.socketpair() for _ in range(3)]
        request = json.dumps({"folder": folder, "entry": entry or self._worker}).encode()
        (stdin, stdout, status), child_ends = zip(*pairs, strict=True)
        with ExitStack() as owned:
            for parent_end in (stdin, stdout, status):
                owned.enter_context(parent_end)
            # Shielded: the child's ends must stay open until they are sent, cancelled or not.
            pid = await asyncio.shield(asyncio.to_thread(self._fork, request, child_ends))
            status.setblocking(False)
            # Two connections, so that a child that reads no more input can still be read from.
            _, writer = await asyncio.open_unix_connection(sock=stdin)
            reader, output = await asyncio.open_unix_connection(sock=stdout, limit=MAX_LINE_BYTES)
            # Until here, cancelling closes the sockets, and the child finds no job and ends.
            owned.pop_all()
        return Child(pid, writer, reader, output, status)

    def warm_up(self) -> None:
        """Start the fork server before it is needed."""
        with self._lock:
            self._connect()

    def close(self) -> None:
        """End the fork server, and with it all children."""
        with self._lock:
            self._stop()

    def _fork(self, request: bytes, child_ends: Sequence[socket.socket]) -> int:
        """Return the pid of a new child that holds these sockets; they are closed here."""
        with self._lock, ExitStack() as owned:
            for child_end in child_ends:
                owned.enter_context(child_end)
            for _ in range(2):  # a dead server is noticed when it is asked, and replaced
                with suppress(OSError):
                    control = self._connect()
                    fds = [child_end.fileno() for child_end in child_ends]
                    socket.send_fds(control, [request], fds)
                    if pid := int(control.recv(16) or 0):
                        return pid
                self._stop()
        raise OSError("no child process could be started")

    def _connect(self) -> socket.socket:
        """Return the socket to the running fork server; start it if there is none."""
        if self._server is None:
            control, server_end = socket.socketpair()
            control.settimeout(REPLY_TIMEOUT_S)
            with server_end:
                process = self._start_server(server_end.fileno())
            # A pool that is dropped without close leaves no server behind.
            self._server = control, finalize(self, _stop_server, control, process)
        return self._server[0]

    def _start_server(self, control: int) -> subprocess.Popen[bytes]:
        # -I: neither the environment nor the working folder decides what it imports. It searches
        # where this process does.
        paths = [ROOT, *(path for path in sys.path if path and path != ROOT)]
        code = START.format(paths=paths, control=control, worker=self._worker)
        return subprocess.Popen(
            [sys.executable, "-I", "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.defpath, "LANG": "C.UTF-8", **FEW_THREADS},
            pass_fds=[control],
            start_new_session=True,
        )

    def _stop(self) -> None:
        if self._server is not None:
            self._server[1]()
            self._server = None


def _stop_server(control: socket.socket, process: subprocess.Popen[bytes]) -> None:
    # The server ends by itself once its control socket is closed.
    control.close()
    try:
        process.wait(EXIT_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
