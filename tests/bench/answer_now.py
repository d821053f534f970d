"""Answer now: how many steps after the call the thought is over and the answer begins."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bench.prompts import about_picture
from bench.report import Goal, Report
from bench.subject import engine_of
from bench.watch import Watched, greedy, watch
from bench.workload import Workload
from webui.engine.loader import Loaded
from webui.engine.local import LocalEngine

FIRST_PICTURE = 5_000_000
CALLED_AFTER = (1, 2, 4, 6, 8)
TOKENS = 40


@dataclass(slots=True)
class Call:
    """Counts of the row's tokens, one a step: when it was called, at the thought's end, at the first letter shown."""

    called: int = 0
    answering: int = 0
    letter: int = 0


def measure(loaded: Loaded, work: Workload, report: Report) -> None:
    report.part("f", f"Answer now, called after {', '.join(map(str, CALLED_AFTER))} tokens; the slowest counts")
    with engine_of(loaded) as engine:
        calls = [asyncio.run(_call(engine, FIRST_PICTURE + after, after)) for after in CALLED_AFTER]
    cut = [call for call in calls if call.called and call.letter]
    report.record(calls=len(calls), cut=len(cut))
    if not cut:
        report.line("not measured: this model did not think")
        return
    report.line(f"{len(cut)} of {len(calls)} calls met a thought")
    report.goal(Goal("steps to the end of the thought", max(call.answering - call.called for call in cut), 2))
    report.goal(Goal("steps to the first letter of the answer", max(call.letter - call.called for call in cut), 2))


async def _call(engine: LocalEngine, number: int, after: int) -> Call:
    call, name = Call(), f"now-{number}"

    def follow(seen: Watched) -> None:
        if not call.called and seen.phase == "thinking" and seen.done >= after:
            engine.answer_now(name)
            call.called = seen.done
        elif call.called and not call.answering and seen.phase == "answering":
            call.answering = seen.done
        if call.answering and not call.letter and seen.content:
            call.letter = seen.done

    await watch(engine, greedy(about_picture(number), TOKENS, name), follow)
    return call
