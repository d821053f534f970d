"""Measure the refusal of prompts that can never fit, and another owner's first token beside it."""

from __future__ import annotations

import asyncio
from statistics import median
from time import perf_counter

from tqdm import tqdm

from bench.prompts import about_picture, ask, picture
from bench.report import Goal, Report
from bench.subject import engine_of
from bench.watch import Watched, greedy, watch
from bench.workload import Workload
from webui.engine.loading.loader import LoadedRunner
from webui.engine.serving.engine import LocalEngine
from webui.errors import ContextLengthError
from webui.protocol import Message

FIRST_PICTURE = 4_000_000
PICTURES = 200
FAR_TOO_MUCH = TEXT, MANY = "4 MB of text", f"{PICTURES} pictures"
WORDS = "Once upon a time there was a circle, and it was red. "
REFUSED_S = 0.05


def measure(loaded: LoadedRunner, work: Workload, report: Report) -> None:
    report.part(
        "h", f"What can never fit, and another owner's first token, {work.repeats} repeats, medians"
    )
    with engine_of(loaded) as engine:
        quiet_s = median(
            asyncio.run(_alone(engine, FIRST_PICTURE + repeat)).first_s
            for repeat in range(work.repeats + 1)
        )
        rows = []
        for place, (name, messages) in enumerate(_oversize(loaded).items(), 1):
            pairs = [
                asyncio.run(_beside(engine, messages, FIRST_PICTURE + 1000 * place + repeat))
                for repeat in tqdm(range(work.repeats), name, leave=False, delay=1)
            ]
            refused_s, during_s = (median(values) for values in zip(*pairs, strict=True))
            rows.append({"what": name, "refused_s": refused_s, "during_s": during_s})
            report.line(
                f"{name}: refused after {refused_s:.3f} s; "
                f"first token of another owner {during_s:.3f} s"
            )
    report.line(f"first token when alone: {quiet_s:.3f} s")
    report.record(quiet_s=quiet_s, rows=rows)
    far = [row for row in rows if row["what"] in FAR_TOO_MUCH]
    report.goal(
        Goal(
            "time to the refusal",
            1000 * max(row["refused_s"] for row in far),
            1000 * REFUSED_S,
            " ms",
        )
    )
    report.goal(
        Goal("first token beside it / alone", max(row["during_s"] for row in rows) / quiet_s, 2)
    )


def _oversize(loaded: LoadedRunner) -> dict[str, tuple[Message, ...]]:
    """Return prompts that exceed the context far, and twofold, which takes longer to find out."""
    context = loaded.runner.context_length
    longer = 2 * context
    return {
        TEXT: ask(WORDS * (4_000_000 // len(WORDS))),
        f"{longer:,} letters": ask("x" * longer),
        f"{longer:,} spaces": ask(" " * longer),
        MANY: ask(
            *[picture(number) for number in range(PICTURES)] * (1 + context // 10_000),
            "What do you see?",
        ),
    }


async def _alone(engine: LocalEngine, number: int) -> Watched:
    return await watch(engine, greedy(about_picture(number), 4, f"alone-{number}", owner="other"))


async def _beside(
    engine: LocalEngine, messages: tuple[Message, ...], number: int
) -> tuple[float, float]:
    """Return the seconds to the refusal, and to the first token of a request sent right after."""
    refused = asyncio.create_task(_refused(engine, messages, number))
    await asyncio.sleep(0)
    other = await _alone(engine, number)
    return await refused, other.first_s


async def _refused(engine: LocalEngine, messages: tuple[Message, ...], number: int) -> float:
    start = perf_counter()
    try:
        await watch(engine, greedy(messages, 4, f"oversize-{number}", owner="sender"))
    except ContextLengthError:
        return perf_counter() - start
    raise AssertionError("it was not refused")
