"""The free memory and the usable cores of a machine, and of a container with less."""

import os

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
