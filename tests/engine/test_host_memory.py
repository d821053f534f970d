"""The free memory and the usable cores of a machine, and of a container with less."""

import os
import platform
import subprocess
import sys

import pytest

from webui.engine.planning.host_memory import available_bytes, total_bytes, usable_cores


def test_free_memory_is_at_most_all_of_it():
    assert 0 < available_bytes() <= total_bytes()


def free_in_container(folder, limit):
    (folder / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 800 kB\n")
    (folder / "memory.max").write_text(limit)
    (folder / "memory.current").write_text("300000\n")
    (folder / "memory.stat").write_text("anon 100000\ninactive_file 50000\n")
    return available_bytes(folder / "meminfo", folder)


def test_a_container_has_less_than_its_machine(tmp_path):
    assert free_in_container(tmp_path, "500000\n") == 250_000
    assert free_in_container(tmp_path, "max\n") == 800 * 1024
    assert free_in_container(tmp_path, "1000\n") == 0


def test_without_meminfo_all_memory_counts_as_free(tmp_path):
    assert available_bytes(tmp_path / "meminfo", tmp_path) == total_bytes()


def test_a_container_may_use_fewer_cores_than_it_sees(tmp_path):
    seen = len(os.sched_getaffinity(0))
    for quota, cores in (
        ("50000 100000", 1),
        ("100000 100000", 1),
        (f"{seen}50000 100000", seen),
        ("max 100000", seen),
    ):
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
        assert usable_cores(tmp_path) == cores
    assert usable_cores(tmp_path / "none") == seen


@pytest.mark.skipif("glibc" not in platform.libc_ver(), reason="another allocator")
@pytest.mark.slow
def test_freed_memory_is_used_again_without_asking_the_system():
    script = """
import resource, torch
from webui.engine.planning.host_memory import keep_freed_memory
def faults(passes):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(passes):
        parts = [torch.ones(2_000_000) for _ in range(5)]
        del parts
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults(3)
print(faults(10))
keep_freed_memory()
faults(3)
print(faults(10))
"""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")
    }
    # The initial value of glibc, which adapts it at run time: what a process returns to the system
    # would depend on chance.
    environment["MALLOC_MMAP_THRESHOLD_"] = "131072"
    printed = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, check=True
    ).stdout
    before, after = map(int, printed.split())
    # Each pass allocates 40 MB, which are 10,000 pages.
    assert after < 1000 < before
