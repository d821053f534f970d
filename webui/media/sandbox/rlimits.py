"""Confine a child process: the first thing it does, before a foreign file is opened."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from types import FrameType
from typing import Any

from webui.media.sandbox.process_tree import adopt_orphans, end_descendants

PR_SET_PDEATHSIG = 1
# Between SIGXCPU, which says why, and SIGKILL, which cannot be caught.
CPU_GRACE_S = 1


def receive_job(parent: int) -> dict[str, Any]:
    """Read the job, a line on standard input, and confine this process, a child of `parent`."""
    job: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    die_with_parent()
    adopt_orphans()
    # A parent that ended before die_with_parent was called sends no signal any more.
    if os.getppid() != parent:
        os._exit(1)
    set_limits(job["memory_bytes"], job["cpu_s"], job["file_bytes"])
    return job


def set_limits(memory_bytes: int, cpu_s: int, file_bytes: int) -> None:
    """Limit address space, processor time and the size of each written file; dump no core.

    Processes that this one starts inherit the limits.
    """
    if sys.platform == "win32":
        return
    import resource

    limits = {
        resource.RLIMIT_AS: (memory_bytes, memory_bytes),
        resource.RLIMIT_CPU: (cpu_s, cpu_s + CPU_GRACE_S),
        resource.RLIMIT_FSIZE: (file_bytes, file_bytes),
        resource.RLIMIT_CORE: (0, 0),
    }
    for resource_kind, (soft, hard) in limits.items():
        resource.setrlimit(resource_kind, (soft, hard))


def die_with_parent(signal_number: int = int(signal.SIGKILL)) -> None:
    """Ask Linux to send that signal when the parent process ends, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)


def end_tree_with_parent() -> None:
    """End all processes below this one, and this one, when its parent ends.

    For a child that starts programs of its own: SIGKILL would end the child alone.
    """
    signal.signal(signal.SIGTERM, _end_tree)
    die_with_parent(signal.SIGTERM)


def _end_tree(signal_number: int, frame: FrameType | None) -> None:
    end_descendants()
    os.killpg(0, signal.SIGKILL)
