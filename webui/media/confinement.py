"""The limits that a process sets on itself before it opens a stranger's file."""

from __future__ import annotations

import sys

PR_SET_PDEATHSIG, SIGKILL = 1, 9
FILE_BYTES = 1024**3


def confine(memory_bytes: int, cpu_s: int) -> None:
    """Memory, processor time, size of written files, no core dumps. Inherited by whatever is started."""
    if sys.platform == "win32":
        return
    import resource

    wanted = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        resource.setrlimit(kind, (value, value))


def die_with_parent() -> None:
    """Linux ends this process when the one that started it ends, however that happens."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
