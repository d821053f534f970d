"""The zygote: a process that has loaded what children need, and of which each child is a fork.

It reads requests and nothing else: no job, and no stranger's file. It has one thread, as a process that forks should,
and ends, with all its children, when whoever asks is gone.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from select import select
from typing import NoReturn

from webui.media.sandbox.process_tree import adopt_orphans, children_of, end, end_descendants
from webui.media.sandbox.rlimits import enter

MOST_REQUEST_BYTES = 64 * 1024
# A child's standard input, its standard output, and where its exit status is told.
FDS = 3


@dataclass(slots=True)
class Job:
    """A child and what it left behind: how many of them are not reaped yet, and how the child itself ended."""

    status: socket.socket | None
    processes: int = 1
    outcome: int | None = None


class Zygote:
    """Answers each request that comes by `control` with the number of a process. One at a time may be asked.

    What a child leaves behind, in any group or session, becomes the zygote's own child and is killed. The child's end
    is reported once none of that is left.
    """

    def __init__(self, control: socket.socket) -> None:
        adopt_orphans()
        self._control = control
        self._pid = os.getpid()
        self._jobs: dict[int, Job] = {}
        # Processes that belong to no job: their exit status is not reported.
        self._strays = Job(None)
        self._ended, wakes = socket.socketpair()
        wakes.setblocking(False)
        signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._sockets = [control, self._ended, wakes]

    def run(self) -> None:
        """Until nobody is left who asks."""
        asked = True
        while asked:
            ready, _, _ = select([self._control, self._ended], [], [])
            if self._ended in ready:
                self._ended.recv(MOST_REQUEST_BYTES)
                self._reap()
            if self._control in ready:
                asked = self._fork()
        for pid in self._jobs:
            with suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        end_descendants()

    def _fork(self) -> bool:
        """For one request; False after the last one."""
        request, fds, _, _ = socket.recv_fds(self._control, MOST_REQUEST_BYTES, FDS)
        if not request:
            return False
        source, target, status = (socket.socket(fileno=fd) for fd in fds)
        with source, target:
            try:
                pid = os.fork()
            except OSError:
                self._control.send(b"0")
                status.close()
                return True
            if not pid:
                self._become(json.loads(request), source, target, status)
        self._jobs[pid] = Job(status)
        return True

    def _reap(self) -> None:
        """All that have ended, and what they have left behind."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                job = self._jobs.pop(pid, self._strays)
                if job.outcome is None:  # the child itself is the first of its job to end
                    job.outcome = os.waitstatus_to_exitcode(status)
                self._end_orphans(job)
                job.processes -= 1
                if not job.processes:
                    self._report(job)

    def _end_orphans(self, job: Job) -> None:
        """Kill what a process of this job has left behind."""
        for pid in children_of(self._pid):
            if pid not in self._jobs:
                self._jobs[pid] = job
                job.processes += 1
                end(pid)

    def _report(self, job: Job) -> None:
        """How the child ended."""
        if job.status is not None:
            with job.status, suppress(OSError):
                job.status.send(str(job.outcome).encode())

    def _become(
        self,
        request: dict[str, str],
        source: socket.socket,
        target: socket.socket,
        status: socket.socket,
    ) -> NoReturn:
        """A child in a session, a folder and an environment of its own, confined before its job is looked at."""
        try:
            os.setsid()
            # Now that its group can be killed, whoever asked may know its number.
            self._control.send(str(os.getpid()).encode())
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(source.fileno(), 0)
            os.dup2(target.fileno(), 1)
            for each in (source, target, status, *self._sockets):
                each.close()
            for job in self._jobs.values():
                if job.status is not None:
                    job.status.close()
            os.chdir(request["folder"])
            os.environ.update(HOME=request["folder"], TMPDIR=request["folder"])
            tempfile.tempdir = None
            import_module(request["entry"]).main(enter(self._pid))
            sys.stdout.flush()
            os._exit(0)
        finally:
            # Whatever happened: only the zygote itself goes on in the zygote's code.
            os._exit(1)


def main(control: int) -> None:
    """The process's entry; `control` is the number of the socket that requests come by."""
    from webui.media.worker import load_libraries

    load_libraries()
    # A collection in a child would go through all that was loaded, and so copy its pages: 15 ms.
    gc.collect()
    gc.freeze()
    Zygote(socket.socket(fileno=control)).run()
