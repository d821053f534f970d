"""Which processes there are, for tests that must leave none behind."""

from __future__ import annotations

import asyncio
import ctypes
import os
from pathlib import Path
from time import monotonic

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """From now on whatever our children leave behind becomes our child, so that it can be found."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def living(*, dead: bool = False) -> dict[int, tuple[int, int, str]]:
    """(parent, group, command) of each process that has not ended; with `dead`, of those not reaped yet too."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
            except OSError:
                continue
            state, parent, group = rest.split()[:3]
            if dead or state != "Z":
                found[int(entry.name)] = (int(parent), int(group), name)
    return found


def descendants(root: int = 0, *, dead: bool = False) -> set[int]:
    """All processes below this one, or below `root`."""
    processes, found = living(dead=dead), {root or os.getpid()}
    while more := {pid for pid, (parent, _, _) in processes.items() if parent in found} - found:
        found |= more
    return found - {root or os.getpid()}


async def until(condition, timeout_s: float = 20.0):
    """What `condition` says once it says yes."""
    end = monotonic() + timeout_s
    while not (found := condition()):
        assert monotonic() < end, "never came true"
        await asyncio.sleep(0.02)
    return found
