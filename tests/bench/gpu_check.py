"""Check a new card before relying on it: python tests/bench/gpu_check.py [--device cpu].

Random weights of the 9B's size on a card, a tiny model on the CPU. Each part is a row of numbers, or the reason why it
failed, and the others go on; the exit status is 1 if any failed.

    plan       what the plan says of this machine
    people     text, pictures, pages and clips, asked by 1, 8 and 32 people at once
    memory     what is kept free beside what passes took
    faults     passes that lack memory: who ends, who does not
    capture    CUDA graphs that cannot be recorded: the tokens stay the same
    packed     8 and 4 bit: memory told and taken, logits beside transformers'
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "support")]

import torch

from bench.bench_loading import NANO, write_checkpoint
from bench.prompts import A4, _page, about_picture, ask, clip
from bench.subject import engine_of, random_weights
from bench.tiny_config import TINY
from bench.watch import gaps, greedy, watch
from webui.engine.execution.cuda_graphs import DecodeGraphs
from webui.engine.execution.device import Device
from webui.engine.loading.catalog import FLAGSHIP, choose
from webui.engine.loading.loader import LoadedModel, load
from webui.engine.loading.self_test import measure_distance
from webui.engine.planning.plan import make_plan
from webui.engine.planning.probe import read_machine
from webui.errors import WebUIError
from webui.protocol import Message

TRUE_SIZE = ROOT / "tests" / "bench" / "glm-4.1v-9b.json"
PAGES, PACKED_LAYERS = 3, 8


@dataclass(frozen=True, slots=True)
class Subject:
    """The model under check; `small` on a CPU, where sizes say nothing of a card."""

    loaded: LoadedModel
    device: str

    @property
    def small(self) -> bool:
        return self.device == "cpu"


Row = dict[str, Any]


def check_plan(subject: Subject) -> Iterator[Row]:
    seen = read_machine()
    says = make_plan(seen, FLAGSHIP.needs).summary
    yield {"cards": len(seen.cards), "driver": seen.driver, "cuda": seen.cuda, "says": says}


def check_people(subject: Subject) -> Iterator[Row]:
    tokens = 8 if subject.small else 64
    for people in (1, 8, 32):
        with engine_of(subject.loaded) as engine:

            async def everybody(count: int = people, engine: Any = engine) -> list[Any]:
                asked = [
                    greedy(question(person, subject), tokens, person) for person in range(count)
                ]
                return await asyncio.gather(*(watch(engine, request) for request in asked))

            start = perf_counter()
            seen = asyncio.run(everybody())
            took = perf_counter() - start
        written = [each.usage.completion_tokens for each in seen]
        if written != [tokens] * people:
            raise RuntimeError(f"of {people} answers of {tokens} tokens, these came: {written}")
        longest = max(max(gaps(each.times), default=0.0) for each in seen)
        first = median(each.first_s for each in seen)
        yield {
            "people": people,
            "tokens/s": sum(written) / took,
            "first, s": first,
            "longest gap, s": longest,
        }


def question(number: int, subject: Subject) -> tuple[Message, ...]:
    """In turn a text, a picture, pages and a clip."""
    size = (112, 168) if subject.small else subject.loaded.info.image.split(PAGES, 6000).fit(*A4)
    kinds: tuple[Callable[[], tuple[Message, ...]], ...] = (
        lambda: ask(f"{number} + {number} = ?"),
        lambda: about_picture(number),
        lambda: ask(
            *(_page(number, page, size) for page in range(1, PAGES + 1)), "What is on page 2?"
        ),
        lambda: ask(clip(number), "What moves?"),
    )
    return kinds[number % len(kinds)]()


def check_memory(subject: Subject) -> Iterator[Row]:
    if subject.small:
        yield {"says": "a CPU counts nothing"}
        return
    card = read_machine().cards[torch.device(subject.device).index or 0]
    cache = sum(layer.nbytes for layer in subject.loaded.runner.cache.layers)
    peak = torch.cuda.max_memory_allocated(subject.device)
    planned = make_plan(read_machine(), FLAGSHIP.needs).reserve_bytes
    beside = peak - cache - subject.loaded.memory_bytes
    yield {
        "GB in all": card.total_bytes / 1e9,
        "GB beside weights and cache": beside / 1e9,
        "GB planned": planned / 1e9,
    }
    if beside > planned:
        raise RuntimeError("passes took more than the plan keeps free")


class Starved:
    """A runner whose passes over certain requests lack memory."""

    def __init__(self, runner: Any, where: str) -> None:
        self._runner, self._where = runner, where

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._runner, name)
        if name != self._where:
            return work

        def pass_over(sequences: Any, *rest: Any) -> Any:
            if any("guilty" in sequence.id for sequence in sequences):
                device = str(self._runner.model.device)
                with Device(device):
                    torch.empty(2**62, dtype=torch.uint8, device=device)
            return work(sequences, *rest)

        return pass_over


def check_faults(subject: Subject) -> Iterator[Row]:
    for where in ("prefill", "decode"):
        with engine_of(
            subject.loaded, lambda runner, where=where: Starved(runner, where)
        ) as engine:

            async def everybody(engine: Any = engine) -> list[Any]:
                names = ["guilty", *(f"other {number}" for number in range(3))]
                asked = [
                    greedy(question(number, subject), 8, name) for number, name in enumerate(names)
                ]
                return await asyncio.gather(
                    *(watch(engine, request) for request in asked), return_exceptions=True
                )

            guilty, *others = asyncio.run(everybody())
            start = perf_counter()
            asyncio.run(watch(engine, greedy(question(1, subject), 8, "after")))
        ended = [each for each in others if isinstance(each, BaseException)]
        yield {"lacks memory": where, "ends": type(guilty).__name__, "others that ended": len(ended),
               "next answer, s": perf_counter() - start}  # fmt: skip
        if ended or not isinstance(guilty, WebUIError):
            raise RuntimeError(
                f"a pass without memory in {where} ended {len(ended)} others, and {guilty!r}"
            )


class Unrecordable:
    """Fails as a capture does in which the device is waited for."""

    tries = 0

    def record(self, work: Callable[[], Any]) -> Any:
        self.tries += 1
        raise RuntimeError("operation not permitted when stream is capturing")


def check_capture(subject: Subject) -> Iterator[Row]:
    runner = subject.loaded.runner
    kept, broken = runner.decode_graphs, Unrecordable()
    texts = []
    for graphs in (kept, DecodeGraphs(runner.decode_logits, runner.cache, broken)):
        runner.decode_graphs = graphs
        with engine_of(subject.loaded) as engine:
            texts.append(asyncio.run(watch(engine, greedy(question(1, subject), 16, "one"))).text)
    runner.decode_graphs = kept
    yield {"tries": broken.tries, "same text": texts[0] == texts[1]}
    if texts[0] != texts[1] and subject.small:
        raise RuntimeError("without graphs the text is another one")


def check_packed(subject: Subject) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as written:
        folder = NANO if subject.small else Path(written)
        if not subject.small:
            write_checkpoint(folder, PACKED_LAYERS)
        for kind in ("8bit", "4bit"):
            loaded = load(
                choose(str(folder), kind, None, NANO),
                subject.device,
                2,
                2048,
                lambda progress: None,
            )
            taken = loaded.runner.model.get_memory_footprint()
            yield {"weights": kind, "GB told": loaded.memory_bytes / 1e9, "GB taken": taken / 1e9,
                   "logits from transformers'": measure_distance(loaded.runner)}  # fmt: skip


PARTS: dict[str, Callable[[Subject], Iterator[Row]]] = {
    "plan": check_plan,
    "people": check_people,
    "memory": check_memory,
    "faults": check_faults,
    "capture": check_capture,
    "packed": check_packed,
}


def make_subject(device: str) -> Subject:
    if device != "cpu":
        return Subject(random_weights(TRUE_SIZE, device, 8, 16_384), device)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tiny.json")
        path.write_text(json.dumps(TINY))
        return Subject(random_weights(path, "cpu", 8, 2048), "cpu")


def shown(row: Row) -> str:
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in row.items()
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda:0" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="write the rows here")
    options = parser.parse_args(arguments)
    subject = make_subject(options.device)
    report: dict[str, Any] = {}
    for name, part in PARTS.items():
        rows: list[Row] = report.setdefault(name, [])
        try:
            for row in part(subject):
                rows.append(row)
                print(f"{name:8} {shown(row)}", flush=True)
        except (RuntimeError, WebUIError, ValueError, OSError, AttributeError, TypeError) as error:
            rows.append({"failed": f"{type(error).__name__}: {error}"})
            print(f"{name:8} failed: {error}", flush=True)
        if options.json:
            options.json.write_text(json.dumps(report, indent=1))
    return int(any("failed" in row for rows in report.values() for row in rows))


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)  # what is provoked here would fill the screen
    sys.exit(main())
