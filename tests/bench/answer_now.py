"""Answer now: how many steps after the call the thought is over and the answer begins."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from bench.prompts import about_picture
from bench.report import Goal, Report
from bench.subject import engine_of
from bench.watch import Watched, greedy, watch
from bench.workload import Workload
from webui.engine.loader import Loaded
from webui.engine.local import LocalEngine
from webui.engine.sequence import Sequence

FIRST_PICTURE = 5_000_000
CALLED_AFTER = (1, 2, 4, 6, 8)
TOKENS = 40


class CountingRunner:
    """A runner that counts its steps, those under way included, and keeps the one in which a thought was closed."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self.steps = self.closed = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def decode(self, sequences: list[Sequence]) -> list[int]:
        self.steps += 1
        return self._runner.decode(sequences)

    def force(self, sequence: Sequence) -> int:
        self.steps += 1
        self.closed = self.steps
        return self._runner.force(sequence)


@dataclass(slots=True)
class Call:
    """Steps from the call to the one that closed the thought, and tokens of the answer before its first letter."""

    steps: int = 0
    before_letter: int = 0


def measure(loaded: Loaded, work: Workload, report: Report) -> None:
    report.part("f", f"Answer now, called after {', '.join(map(str, CALLED_AFTER))} tokens; the slowest counts")
    calls = [_called(loaded, FIRST_PICTURE + after, after) for after in CALLED_AFTER]
    cut = [call for call in calls if call is not None]
    report.record(calls=len(calls), cut=len(cut))
    if not cut:
        report.line("not measured: this model did not think")
        return
    report.line(
        f"{len(cut)} of {len(calls)} calls met a thought; the step that closes it writes the answer's first token"
    )
    report.goal(Goal("steps to the end of the thought", max(call.steps for call in cut), 2))
    letters = max(call.steps + call.before_letter for call in cut)
    report.goal(Goal("steps to the first letter of the answer", letters, 2))


def _called(loaded: Loaded, number: int, after: int) -> Call | None:
    """None if there was no thought to end."""
    runner = CountingRunner(loaded.runner)
    with engine_of(loaded, lambda _: runner) as engine:
        return asyncio.run(_call(engine, runner, number, after))


async def _call(engine: LocalEngine, runner: CountingRunner, number: int, after: int) -> Call | None:
    called = answering = letter = 0

    def follow(seen: Watched) -> None:
        nonlocal called, answering, letter
        if not called and seen.phase == "thinking" and seen.done >= after:
            called = runner.steps
            engine.answer_now(str(number))
        elif called and not answering and seen.phase == "answering":
            answering = seen.done
        if answering and not letter and seen.content:
            letter = seen.done

    await watch(engine, greedy(about_picture(number), TOKENS, number), follow)
    return Call(runner.closed - called, letter - answering) if called and letter else None
