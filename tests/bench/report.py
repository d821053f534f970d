"""The output of the benchmark: lines as they come, goals with a verdict, and JSON at the end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from time import perf_counter, process_time
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """A measured value, which reaches its goal if it is at most `limit`."""

    name: str
    value: float
    limit: float
    unit: str = ""

    @property
    def reached(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "reached" if self.reached else "not reached"
        value, limit = f"{self.value:.3g}{self.unit}", f"{self.limit:.3g}{self.unit}"
        return f"{self.name}: {value}, goal at most {limit}: {verdict}"


class Report:
    def __init__(self, machine: dict[str, Any]) -> None:
        self._machine = machine
        self._parts: dict[str, dict[str, Any]] = {}
        self._part: dict[str, Any] = {}
        self._started = (0.0, 0.0)
        print(", ".join(f"{name} {value}" for name, value in machine.items()), flush=True)

    def part(self, letter: str, title: str) -> None:
        self._part = self._parts[letter] = {"title": title, "goals": []}
        self._started = perf_counter(), process_time()
        print(f"\n{letter}. {title}", flush=True)

    def line(self, text: str) -> None:
        print(f"   {text}", flush=True)

    def record(self, **values: Any) -> None:
        self._part.update(values)

    def goal(self, goal: Goal) -> None:
        self._part["goals"].append(asdict(goal) | {"reached": goal.reached})
        self.line(str(goal))

    def close_part(self) -> None:
        """Record wall clock and CPU time; on a CPU, much less CPU time means a busy machine."""
        wall_s, cpu_s = perf_counter() - self._started[0], process_time() - self._started[1]
        self.record(wall_s=wall_s, cpu_s=cpu_s)
        self.line(f"(took {wall_s:.0f} s; CPU time of this process {cpu_s:.0f} s)")

    def write(self, path: Path) -> None:
        path.write_text(
            json.dumps({"machine": self._machine, "parts": self._parts}, indent=1) + "\n", "utf-8"
        )


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that at least `share` of the values do not exceed."""
    return sorted(values)[max(ceil(share * len(values)), 1) - 1]
