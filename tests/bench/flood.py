"""Measure the first token of one request beside 50 requests of another owner."""

from __future__ import annotations

import asyncio
from statistics import median

from tqdm import tqdm

from bench.prompts import about_picture
from bench.report import Goal, Report
from bench.subject import engine_of
from bench.watch import Watched, gaps, greedy, happens, watch
from bench.workload import Workload
from webui.engine.loading.loader import LoadedRunner
from webui.engine.serving.engine import LocalEngine

REQUESTS = 50
FIRST_PICTURE = 3_000_000


def measure(loaded: LoadedRunner, work: Workload, report: Report) -> None:
    report.part(
        "d",
        f"{REQUESTS} requests of one owner, then one of another, {work.repeats} repeats, medians",
    )
    quiet, during, steps = [], [], []
    with engine_of(loaded) as engine:
        for repeat in tqdm(range(work.repeats), "floods", leave=False, delay=1):
            first = FIRST_PICTURE + repeat * 100
            quiet.append(asyncio.run(_alone(engine, first)).first_s)
            other, step_s = asyncio.run(_flooded(engine, first + 1, work.tokens))
            during.append(other.first_s)
            steps.append(step_s)
    quiet_s, during_s, step_s = median(quiet), median(during), median(steps)
    report.line(
        f"first token: quiet {quiet_s:.3f} s, in the flood {during_s:.3f} s; "
        f"a step of the flood {step_s:.3f} s"
    )
    report.record(
        quiet_s=quiet_s, during_s=during_s, step_s=step_s, slots=len(loaded.runner.cache.slots)
    )
    report.goal(Goal("first token in the flood", during_s, 2 * quiet_s + step_s, " s"))


async def _alone(engine: LocalEngine, number: int) -> Watched:
    return await watch(engine, greedy(about_picture(number), 4, f"alone-{number}", owner="other"))


async def _flooded(engine: LocalEngine, first: int, tokens: int) -> tuple[Watched, float]:
    """Return the other owner's stream, sent into the flood, and the flood's median step."""
    writes = asyncio.Event()
    seen: list[Watched] = []

    def follow(watched: Watched) -> None:
        if len(watched.times) == 1:
            seen.append(watched)
            writes.set()

    flood = [
        asyncio.create_task(
            watch(
                engine,
                greedy(about_picture(first + at), tokens, f"flood-{first + at}", owner="flood"),
                follow,
            )
        )
        for at in range(REQUESTS)
    ]
    await happens(writes, flood)
    other = await _alone(engine, first + REQUESTS)
    for at in range(REQUESTS):
        engine.abort(f"flood-{first + at}")
    await asyncio.gather(*flood)
    # Short answers may arrive in one piece, without any gap.
    steps = [step for watched in seen for step in gaps(watched.times)]
    return other, median(steps) if steps else 0.0
