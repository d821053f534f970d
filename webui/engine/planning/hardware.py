"""Hardware as values: cards and machine, as the plan needs them. Knows no torch; probe.py reads the real ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """A CUDA device. `free_bytes` is less than `total_bytes` by what others use; `capability` is like (8, 9)."""

    name: str
    total_bytes: int
    free_bytes: int
    capability: tuple[int, int] = (8, 0)


@dataclass(frozen=True, slots=True)
class Machine:
    """What a model can run on. `host_bytes` and `disk_bytes` are free, None where that is unknown.

    `driver` is the major version of the NVIDIA driver, 0 without one; `cuda` the CUDA release that torch is built
    for, such as "13.0", "" for a build without it. `cards` are those that torch can use.
    """

    cards: tuple[Card, ...] = ()
    driver: int = 0
    cuda: str = ""
    host_bytes: int | None = None
    disk_bytes: int | None = None
