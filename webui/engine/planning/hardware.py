"""Cards and machines as values. Imports no torch; probe.py reads the real ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """A CUDA device. Other programs use `total_bytes` less `free_bytes`.

    `capability` is the compute capability, such as (8, 9).
    """

    name: str
    total_bytes: int
    free_bytes: int
    capability: tuple[int, int] = (8, 0)


@dataclass(frozen=True, slots=True)
class Machine:
    """What a model can run on.

    `cards` are those that torch can use. `driver` is the major version of the NVIDIA driver, 0
    without one; `cuda` is the CUDA release that torch was built for, such as "13.0", "" for a build
    without it. `host_bytes` and `disk_bytes` are free, None where unknown.
    """

    cards: tuple[Card, ...] = ()
    driver: int = 0
    cuda: str = ""
    host_bytes: int | None = None
    disk_bytes: int | None = None
