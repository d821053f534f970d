"""What this machine, or the container that it is, can give: memory and cores. Knows no device and no model."""

from __future__ import annotations

import os
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


def total_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def available_bytes(meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> int:
    """What can be had without swapping; file caches, which give way, count as free. All of it where nobody tells."""
    told = _table(meminfo)
    free = told["MemAvailable:"] * 1024 if "MemAvailable:" in told else total_bytes()
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
    except (OSError, ValueError):  # no cgroup v2, or no limit: it says "max"
        return free
    cached = _table(cgroup / "memory.stat").get("inactive_file", 0)
    return max(min(free, limit - used + cached), 0)


def usable_cores(cgroup: Path = CGROUP) -> int:
    """How many cores this process can keep busy: in a container there may be more in sight than it is given."""
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
        return max(1, min(seen, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup v2, or no limit: it says "max"
        return seen


def _table(path: Path) -> dict[str, int]:
    """The first number of each line by the line's first word."""
    try:
        rows = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}
