"""The memory and the cores that this process may use, on a machine or in a container."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
# Parameters of malloc.h. glibc accepts at most 32 MiB for M_MMAP_THRESHOLD.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MAX_KEPT_BLOCK_BYTES = 32 * 1024**2
KEPT_BYTES = 512 * 1024**2


def total_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def available_bytes(meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> int:
    """Return the memory that can be allocated without swapping.

    File caches count as free, because the kernel drops them first. Without /proc/meminfo, all
    memory counts as free.
    """
    meminfo_values = _read_table(meminfo)
    free = total_bytes()
    if "MemAvailable:" in meminfo_values:
        free = meminfo_values["MemAvailable:"] * 1024
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
    except (OSError, ValueError):  # no cgroup v2, or the word "max" for no limit
        return free
    cached = _read_table(cgroup / "memory.stat").get("inactive_file", 0)
    return max(min(free, limit - used + cached), 0)


def usable_cores(cgroup: Path = CGROUP) -> int:
    """Return how many cores this process can keep busy; a container may see more than that."""
    visible = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        visible = len(os.sched_getaffinity(0))
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
        return max(1, min(visible, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup v2, or the word "max" for no limit
        return visible


def keep_freed_memory() -> None:
    """Make malloc keep up to KEPT_BYTES of freed memory for the next pass.

    Otherwise each pass gets its memory from the system again, page by page, and returns it. That
    stops all cores of the process for a moment: two threads in the vision encoder at once took up
    to twice as long. Works with glibc only; elsewhere nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, MAX_KEPT_BLOCK_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def _read_table(path: Path) -> dict[str, int]:
    """Return the first number of each line by the first word of the line."""
    try:
        rows = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}
