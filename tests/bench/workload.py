"""The size of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Workload:
    """`tokens` is the length of each answer; `requests` are those of part e."""

    people: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    tokens: int = 96
    repeats: int = 3
    requests: int = 2000
    contexts: tuple[int, ...] = ()
