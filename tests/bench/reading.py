"""Measure 20 pages: their second question, and their effect on another user's stream."""

from __future__ import annotations

import asyncio
from statistics import median

from tqdm import tqdm

from bench.prompts import PAGES, about_picture, ask, document
from bench.report import Goal, Report
from bench.subject import engine_of
from bench.watch import Watched, gaps, greedy, happens, watch
from bench.workload import Workload
from webui.engine.loading.loader import LoadedRunner
from webui.engine.serving.engine import LocalEngine
from webui.protocol import Message

FIRST_DOCUMENT = 2_000_000
ANSWER_TOKENS = 16
QUIET_TOKENS = 30


def follow_up(loaded: LoadedRunner, work: Workload, report: Report) -> None:
    report.part("b", f"The second question about {PAGES} pages, {work.repeats} documents, medians")
    with engine_of(loaded) as engine:
        pairs = [
            asyncio.run(_two_turns(engine, loaded, FIRST_DOCUMENT + number))
            for number in tqdm(range(work.repeats), "documents", leave=False, delay=1)
        ]
    first_s, second_s = (
        median(turn.first_s for turn in turns) for turns in zip(*pairs, strict=True)
    )
    usages = [turn.usage for turn in pairs[0] if turn.usage]
    prompts = ", ".join(
        f"{usage.prompt_tokens} tokens of which {usage.cached_tokens} were there"
        for usage in usages
    )
    report.line(f"turn 1: {first_s:.3f} s, turn 2: {second_s:.3f} s ({prompts})")
    report.record(first_s=first_s, second_s=second_s, prompts=prompts)
    report.goal(
        Goal(
            "time to first token, turn 2 / turn 1",
            median(b.first_s / a.first_s for a, b in pairs),
            1 / 20,
        )
    )


async def _two_turns(
    engine: LocalEngine, loaded: LoadedRunner, number: int
) -> tuple[Watched, Watched]:
    name = f"report-{number}"
    first = ask(*document(number, loaded.info), "What is on page 2?")
    one = await watch(engine, greedy(first, ANSWER_TOKENS, f"{name}-1", conversation=name))
    answer = Message("assistant", (one.content or "Some lines.",), one.reasoning)
    second = (*first, answer, *ask("And on page 3?"))
    return one, await watch(engine, greedy(second, ANSWER_TOKENS, f"{name}-2", conversation=name))


def gap(loaded: LoadedRunner, work: Workload, report: Report) -> None:
    report.part(
        "c", f"A running stream while another user sends {PAGES} pages, {work.repeats} documents"
    )
    with engine_of(loaded) as engine:
        pairs = [
            asyncio.run(_disturbed(engine, loaded, FIRST_DOCUMENT + 1000 + number))
            for number in tqdm(range(work.repeats), "documents", leave=False, delay=1)
        ]
    quiet = [value for values, _ in pairs for value in values]
    during = [value for _, values in pairs for value in values]
    if not during:
        report.line(
            "not measured: the reading was over within a step, or the stream was over before it"
        )
        return
    middle_s, largest_s = median(quiet), max(during)
    report.line(
        f"quiet: median {middle_s * 1000:.1f} ms, largest {max(quiet) * 1000:.1f} ms; "
        f"while reading: median {median(during) * 1000:.1f} ms, largest {largest_s * 1000:.1f} ms"
    )
    report.record(
        quiet_median_s=middle_s, quiet_largest_s=max(quiet), reading_median_s=median(during)
    )
    report.record(reading_largest_s=largest_s)
    report.goal(
        Goal("largest gap while reading", largest_s * 1000, 5 * middle_s * 1000 + 100, " ms")
    )


async def _disturbed(
    engine: LocalEngine, loaded: LoadedRunner, number: int
) -> tuple[list[float], list[float]]:
    """Return the stream's gaps before the document was sent, and until its first token."""
    settled = asyncio.Event()
    stream = Watched()

    def follow(seen: Watched) -> None:
        nonlocal stream
        stream = seen
        if len(seen.times) >= QUIET_TOKENS:
            settled.set()

    reader = asyncio.create_task(
        watch(engine, greedy(about_picture(number), 10**6, f"stream-{number}"), follow)
    )
    pages = ask(*document(number, loaded.info), "What is on page 2?")
    await happens(settled, [reader])
    before = len(stream.times)
    await watch(engine, greedy(pages, 1, f"pages-{number}"))
    # One step more, which ends the gap of the last chunk.
    await asyncio.sleep(2 * max(gaps(stream.times)))
    engine.abort(f"stream-{number}")
    times = (await reader).times
    # The first gaps belong to the stream's own start.
    return gaps(times[2:before]), gaps(times[before - 1 :])
