"""How much the benchmark asks for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Workload:
    """`tokens` is the length of every answer, `requests` those of the hour, `contexts` in tokens."""

    people: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    tokens: int = 96
    repeats: int = 3
    requests: int = 2000
    contexts: tuple[int, ...] = ()
