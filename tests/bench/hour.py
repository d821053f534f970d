"""Serve an hour's worth of short requests, some of them stopped: memory and slots stay bounded."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from time import perf_counter

import torch
from tqdm import tqdm

from bench.prompts import ask, clip, picture
from bench.report import Goal, Report
from bench.subject import engine_of
from bench.watch import Watched, greedy, watch
from bench.workload import Workload
from webui.engine.loading.loader import LoadedRunner
from webui.engine.serving.engine import LocalEngine
from webui.protocol import Message

VISITORS = 40
# Few enough to occur in the warm-up, which fills the cache of vision features.
PICTURES, CLIPS = 48, 12
FIRST_PICTURE = 4_000_000
TOKENS = 8
WARM_UP_SHARE = 0.2


def measure(loaded: LoadedRunner, work: Workload, report: Report) -> None:
    report.part("e", f"{work.requests} short requests by {VISITORS} visitors")
    warm_up = max(int(work.requests * WARM_UP_SHARE), 1)
    with engine_of(loaded) as engine:
        asyncio.run(_visits(engine, Random(0), range(warm_up)))
        before, start = memory(), perf_counter()
        half = work.requests // 2
        kinds = asyncio.run(_visits(engine, Random(1), range(warm_up, warm_up + half)))
        middle = memory()
        kinds += asyncio.run(
            _visits(engine, Random(2), range(warm_up + half, warm_up + work.requests))
        )
        seconds = perf_counter() - start
        # Commands are processed in order, so every abort has been processed before this request.
        asyncio.run(watch(engine, greedy(ask("Hello"), 1, "last")))
        after, busy = memory(), sum(slot.busy for slot in loaded.runner.cache.slots)
    kind_counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    report.line(f"{kind_counts}; {work.requests / seconds:.1f} requests/s")
    for name in before:
        warm, half_way, end = (f"{values[name] / 1e6:.0f} MB" for values in (before, middle, after))
        report.line(
            f"{name}: {warm} after a warm-up of {warm_up}, {half_way} halfway, {end} at the end"
        )
    report.record(
        before=before, halfway=middle, after=after, kinds=kinds, warm_up=warm_up, seconds=seconds
    )
    report.goal(Goal("slots still taken at the end", busy, 0))


def memory() -> dict[str, int]:
    """Return the bytes in use, by kind of memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    sizes = {"resident memory": pages * os.sysconf("SC_PAGE_SIZE")}
    if torch.cuda.is_initialized():
        sizes["GPU memory"] = torch.cuda.memory_allocated()
    return sizes


async def _visits(engine: LocalEngine, random: Random, numbers: range) -> Counter[str]:
    """Send all requests, VISITORS at a time, and return how many there were of each kind."""
    kinds: Counter[str] = Counter()
    numbers_left = iter(tqdm(numbers, "requests", leave=False, delay=1))

    async def visitor(numbers: Iterator[int]) -> None:
        for number in numbers:
            kind, messages = _question(random)
            stop_after = random.choice((0, 2, 5)) if random.random() < 0.15 else None
            kinds[kind if stop_after is None else f"{kind} stopped"] += 1
            await _visit(engine, messages, f"visit-{number}", stop_after)

    await asyncio.gather(*(visitor(numbers_left) for _ in range(VISITORS)))
    return kinds


def _question(random: Random) -> tuple[str, tuple[Message, ...]]:
    kind = random.choices(("text", "image", "video"), (5, 3, 2))[0]
    if kind == "image":
        return kind, ask(picture(FIRST_PICTURE + random.randrange(PICTURES)), "What shape?")
    if kind == "video":
        return kind, ask(clip(FIRST_PICTURE + random.randrange(CLIPS)), "What moves?")
    return kind, ask("Hello! " * random.randint(1, 20))


async def _visit(
    engine: LocalEngine, messages: tuple[Message, ...], name: str, stop_after: int | None
) -> None:
    """Send a request, and stop it after `stop_after` tokens; 0 disconnects before the first one."""

    def stop(seen: Watched) -> None:
        if seen.done >= (stop_after or TOKENS):
            engine.abort(name)

    watching = asyncio.create_task(
        watch(engine, greedy(messages, TOKENS, name), stop if stop_after else lambda seen: None)
    )
    if stop_after == 0:
        await asyncio.sleep(0.01)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    else:
        await watching
