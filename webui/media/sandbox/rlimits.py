"""The first thing a child process does: takes its job and sets limits on itself, before a stranger's file is opened."""

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
# Between the signal that says why (SIGXCPU) and the one that cannot be survived.
CPU_GRACE_S = 1


def enter(parent: int) -> dict[str, Any]:
    """The job, from the first line of standard input. From here on this process, a child of `parent`, is confined."""
    job: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    die_with_parent()
    adopt_orphans()
    if os.getppid() != parent:
        os._exit(1)  # it ended before we could ask to be told
    confine(job["memory_bytes"], job["cpu_s"], job["file_bytes"])
    return job


def confine(memory_bytes: int, cpu_s: int, file_bytes: int) -> None:
    """Memory, processor time, size of each written file, no core dumps. Inherited by whatever is started."""
    if sys.platform == "win32":
        return
    import resource

    wanted = {
        resource.RLIMIT_AS: (memory_bytes, memory_bytes),
        resource.RLIMIT_CPU: (cpu_s, cpu_s + CPU_GRACE_S),
        resource.RLIMIT_FSIZE: (file_bytes, file_bytes),
        resource.RLIMIT_CORE: (0, 0),
    }
    for kind, (soft, hard) in wanted.items():
        resource.setrlimit(kind, (soft, hard))


def die_with_parent(notice: int = int(signal.SIGKILL)) -> None:
    """Linux sends this signal when the process that started this one ends, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, notice)


def take_all_along() -> None:
    """For a child that starts programs of its own: when its parent ends, all of them end."""
    signal.signal(signal.SIGTERM, _end_all)
    die_with_parent(signal.SIGTERM)


def _end_all(number: int, frame: FrameType | None) -> None:
    end_descendants()
    os.killpg(0, signal.SIGKILL)
