"""Measure many users at once: model.generate in threads and in turn, and this engine.

All ways run in each repeat before the next one starts, so that a busy minute hits all of them. Each
picture is used once, and every answer has the same length.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import Any

from tqdm import tqdm

from bench.generating import Answer, in_threads, in_turn
from bench.prompts import about_picture
from bench.report import Report, percentile
from bench.subject import engine_of
from bench.watch import gaps, greedy, watch
from bench.workload import Workload
from webui.engine.loading.loader import LoadedRunner
from webui.engine.serving.engine import LocalEngine

# This many threads take minutes on a small machine: from here on, the two slow ways run once.
SLOW_FROM = 16
WARM_UP = 1_000_000


Answers = dict[str, list[list[Answer]]]


def engine_way(loaded: LoadedRunner, numbers: list[int], tokens: int) -> list[Answer]:
    """Answer all at once, in one batch."""

    async def person(engine: LocalEngine, number: int) -> Answer:
        seen = await watch(engine, greedy(about_picture(number), tokens, number))
        return Answer([seen.sent - start + time for time in seen.times], seen.done, seen.text)

    async def answer_all(engine: LocalEngine) -> list[Answer]:
        return await asyncio.gather(*(person(engine, number) for number in numbers))

    with engine_of(loaded) as engine:
        start = perf_counter()
        return asyncio.run(answer_all(engine))


WAYS = {"threads of generate": in_threads, "generate in turn": in_turn, "this engine": engine_way}
THREADS, TURN, ENGINE = WAYS


def measure(loaded: LoadedRunner, work: Workload, report: Report) -> None:
    report.part(
        "a", f"Many people at once, {work.tokens} tokens each, {work.repeats} repeats, medians"
    )
    report.line(
        f"From {SLOW_FROM} people on, threads and turns run once. "
        "Same text: as generate in turn writes it."
    )
    report.line(
        "Ratio: tokens/s of this engine to those of threads. "
        f"Slots: {len(loaded.runner.cache.slots)}."
    )
    report.line(
        f"{'people':>6}  {'way':<19} {'tokens/s':>8} {'first p50':>10} {'p95':>9} "
        f"{'largest gap':>12} {'same text':>10}  ratio"
    )
    for way in WAYS.values():
        way(loaded, [WARM_UP], 4)
    rows = []
    for people in work.people:
        for row in _rows(people, _answers(loaded, people, work)):
            rows.append(row)
            report.line(_line(row))
    report.record(rows=rows)


def _answers(loaded: LoadedRunner, people: int, work: Workload) -> Answers:
    """Return the answers of each way, a list for each repeat."""
    answers: Answers = {way: [] for way in WAYS}
    repeats = {way: work.repeats if way == ENGINE or people < SLOW_FROM else 1 for way in WAYS}
    plan = [
        (repeat, way) for repeat in range(work.repeats) for way in WAYS if repeat < repeats[way]
    ]
    for repeat, way in tqdm(plan, f"{people} people", leave=False, delay=1):
        numbers = [(people * work.repeats + repeat) * 64 + person for person in range(people)]
        answers[way].append(WAYS[way](loaded, numbers, work.tokens))
    return answers


def _rows(people: int, answers: Answers) -> Iterator[dict[str, Any]]:
    """Yield medians over the repeats, in seconds since all answers were requested."""
    rates = {way: [_tokens_per_s(repeat) for repeat in repeats] for way, repeats in answers.items()}
    # Only repeats that both ways ran, shortly after another: a shared machine's speed changes.
    ratios = [ours / theirs for ours, theirs in zip(rates[ENGINE], rates[THREADS], strict=False)]
    for way, repeats in answers.items():
        firsts = [[answer.first_s for answer in repeat] for repeat in repeats]
        pairs = [
            pair
            for both in zip(repeats, answers[TURN], strict=False)
            for pair in zip(*both, strict=True)
        ]
        yield {
            "people": people,
            "way": way,
            "repeats": len(repeats),
            "tokens_per_s": median(rates[way]),
            "first_p50_s": median(percentile(values, 0.5) for values in firsts),
            "first_p95_s": median(percentile(values, 0.95) for values in firsts),
            "largest_gap_s": median(
                max(max(gaps(answer.times), default=0) for answer in repeat) for repeat in repeats
            ),
            "same_texts": sum(ours.text == theirs.text for ours, theirs in pairs),
            "texts": len(pairs),
            "ratio_to_threads": median(ratios) if way == ENGINE else None,
        }


def _tokens_per_s(answers: list[Answer]) -> float:
    """Return the tokens per second of all answers together, until the last token."""
    return sum(answer.tokens for answer in answers) / max(answer.last_s for answer in answers)


def _line(row: dict[str, Any]) -> str:
    ratio = "" if row["ratio_to_threads"] is None else f"{row['ratio_to_threads']:6.1f}"
    return (
        f"{row['people']:>6}  {row['way']:<19} {row['tokens_per_s']:8.1f} "
        f"{row['first_p50_s']:8.3f} s {row['first_p95_s']:7.3f} s "
        f"{row['largest_gap_s'] * 1000:9.0f} ms {row['same_texts']:>6}/{row['texts']:<3} {ratio}"
    )
