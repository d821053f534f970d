"""List processes, for tests that must leave none behind."""

from __future__ import annotations

import asyncio
import ctypes
import os
from pathlib import Path
from time import monotonic

PR_SET_CHILD_SUBREAPER = 36
# A guard against waiting forever, and no measure of speed: machines are busy.
GUARD_S = 60.0


def adopt_orphans() -> None:
    """Become the parent of every process that a child leaves behind, so that it can be found."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def living(*, dead: bool = False) -> dict[int, tuple[int, int, str]]:
    """Map the pid of each process to (parent, group, command).

    With `dead`, those that have ended and are not reaped yet are listed too.
    """
    processes = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
            except OSError:
                continue
            state, parent, group = rest.split()[:3]
            if dead or state != "Z":
                processes[int(entry.name)] = (int(parent), int(group), name)
    return processes


def descendants(root: int = 0, *, dead: bool = False) -> set[int]:
    """Return all processes below this one, or below `root`."""
    processes, found = living(dead=dead), {root or os.getpid()}
    while more := {pid for pid, (parent, _, _) in processes.items() if parent in found} - found:
        found |= more
    return found - {root or os.getpid()}


async def until(condition, timeout_s: float = GUARD_S):
    """Wait until `condition` is true, and return its value."""
    end = monotonic() + timeout_s
    while not (found := condition()):
        assert monotonic() < end, "never came true"
        await asyncio.sleep(0.02)
    return found
