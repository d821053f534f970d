"""A process that has loaded the libraries, and of which each child is a fork (a "zygote").

It reads requests and nothing else: no job, and no foreign file. It has a single thread, because
fork copies only the calling thread and would leave the locks of others held. It ends, with all its
children, when the process that started it ends.
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

from webui.media.sandbox.process_tree import adopt_orphans, children_of, end_descendants, kill
from webui.media.sandbox.rlimits import receive_job

MAX_REQUEST_BYTES = 64 * 1024
# A child's standard input, its standard output, and the socket for its exit status.
FDS_PER_REQUEST = 3


@dataclass(slots=True)
class Job:
    """A child with the processes it left behind.

    `processes` counts those that are not reaped yet, `exit_code` is that of the child itself.
    """

    status: socket.socket | None
    processes: int = 1
    exit_code: int | None = None


class ForkServer:
    """Answers each request on `control` with the pid of a child; takes one request at a time.

    A process that a child leaves behind, in any group or session, becomes a child of this process
    and is killed. The end of a child is reported once nothing of it is left.
    """

    def __init__(self, control: socket.socket) -> None:
        adopt_orphans()
        self._control = control
        self._pid = os.getpid()
        # By pid: the children, and the processes that they left behind.
        self._jobs: dict[int, Job] = {}
        # For processes that belong to no job: nothing is reported of them.
        self._stray = Job(None)
        # A signal handler in Python runs between two instructions, perhaps just before select
        # blocks. The wakeup descriptor makes select return in that case too.
        self._ended, wakeup = socket.socketpair()
        wakeup.setblocking(False)
        signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._sockets = [control, self._ended, wakeup]

    def serve(self) -> None:
        """Fork and reap until the other end of `control` is closed; then end all children."""
        connected = True
        while connected:
            ready, _, _ = select([self._control, self._ended], [], [])
            if self._ended in ready:
                self._ended.recv(MAX_REQUEST_BYTES)
                self._reap()
            if self._control in ready:
                connected = self._handle_request()
        for pid in self._jobs:
            with suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        end_descendants()

    def _handle_request(self) -> bool:
        """Fork a child for one request. Return False once `control` is closed."""
        request, fds, _, _ = socket.recv_fds(self._control, MAX_REQUEST_BYTES, FDS_PER_REQUEST)
        if not request:
            return False
        stdin, stdout, status = (socket.socket(fileno=fd) for fd in fds)
        with stdin, stdout:
            try:
                pid = os.fork()
            except OSError:
                self._control.send(b"0")
                status.close()
                return True
            if not pid:
                self._run_child(json.loads(request), stdin, stdout, status)
        self._jobs[pid] = Job(status)
        return True

    def _reap(self) -> None:
        """Reap all processes that have ended, and kill what they left behind."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, wait_status = ended
                job = self._jobs.pop(pid, self._stray)
                if job.exit_code is None:  # the child itself is the first of its job to end
                    job.exit_code = os.waitstatus_to_exitcode(wait_status)
                self._kill_orphans(job)
                job.processes -= 1
                if not job.processes:
                    self._report(job)

    def _kill_orphans(self, job: Job) -> None:
        """Kill the processes that this process has just inherited from one of this job.

        They are new children of this process: all others are known.
        """
        for pid in children_of(self._pid):
            if pid not in self._jobs:
                self._jobs[pid] = job
                job.processes += 1
                kill(pid)

    def _report(self, job: Job) -> None:
        if job.status is not None:
            with job.status, suppress(OSError):
                job.status.send(str(job.exit_code).encode())

    def _run_child(
        self,
        request: dict[str, str],
        stdin: socket.socket,
        stdout: socket.socket,
        status: socket.socket,
    ) -> NoReturn:
        """Run in the child: in a session, a folder and an environment of its own, and confined
        before it opens the file of its job.
        """
        try:
            os.setsid()
            # The answer comes from the child: its group exists now, and can be killed.
            self._control.send(str(os.getpid()).encode())
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(stdin.fileno(), 0)
            os.dup2(stdout.fileno(), 1)
            for inherited in (stdin, stdout, status, *self._sockets):
                inherited.close()
            for job in self._jobs.values():
                if job.status is not None:
                    job.status.close()
            os.chdir(request["folder"])
            os.environ.update(HOME=request["folder"], TMPDIR=request["folder"])
            tempfile.tempdir = None
            import_module(request["entry"]).main(receive_job(self._pid))
            sys.stdout.flush()
            os._exit(0)
        finally:
            # Whatever happened: a child must never return into the loop of the fork server.
            os._exit(1)


def main(control: int, worker: str) -> None:
    """Run the fork server on the socket of that number, after the worker module has loaded what
    its children need.
    """
    import_module(worker).load_libraries()
    # A garbage collection in a child would write to the header of every object, and so copy the
    # pages that it shares with this process: 15 ms for each child.
    gc.collect()
    gc.freeze()
    ForkServer(socket.socket(fileno=control)).serve()
