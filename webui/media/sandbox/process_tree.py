"""The processes below one, from /proc: which they are, what memory they hold, and how all of them are ended.

Linux only, whose /proc lists children where CONFIG_PROC_CHILDREN is set, as distributions do; elsewhere none are seen.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
PAGE = os.sysconf("SC_PAGE_SIZE")
# Memory that no file backs, each page divided by the number of processes that share it.
PROPORTIONAL = re.compile(r"^(?:Pss_Anon|Pss_Shmem|SwapPss): *(\d+) kB$", re.MULTILINE)


def adopt_orphans() -> None:
    """From now on what outlives its parent below this process becomes its child, whatever its group or session."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def children_of(pid: int) -> list[int]:
    """Those that it started or adopted, the ended ones included until they are reaped."""
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):  # it has just ended
                found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split())
    return found


def descendants(pid: int) -> list[int]:
    found = children_of(pid)
    for child in found:  # which grows meanwhile
        found += children_of(child)
    return found


def held_bytes(pids: Iterable[int]) -> int:
    """Memory of these processes together that no file backs. A page that two of them share counts twice."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_bytes().split()
            total += (int(resident) - int(shared)) * PAGE
    return total


def exact_bytes(pids: Iterable[int]) -> int:
    """The same with shared pages counted once, and swapped ones too. Takes 12 ms for each gigabyte."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += sum(map(int, PROPORTIONAL.findall(rollup))) * 1024
    return total


def end_descendants() -> None:
    """Kill and reap everything below this process, however often it forks meanwhile."""
    while found := descendants(os.getpid()):
        for pid in found:
            end(pid)
        with suppress(ChildProcessError):
            os.waitpid(-1, 0)


def end(pid: int) -> None:
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)
