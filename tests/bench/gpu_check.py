"""Check a new card before relying on it: python tests/bench/gpu_check.py [--device cpu].

Random weights of the 9B's size are written to a temporary folder and served as the demo serves a
model: plan, load, worst pass, self-test, page and API. Without a card, a tiny model runs through
the same parts on the CPU. Each part prints rows of numbers, or why it failed; the others go on, and
the exit status is 1 if any failed.

    plan       what the plan says of this machine
    start      the seconds until the server is ready, and what it runs
    people     text, pictures, pages over HTTP and clips, asked by 1, 8 and 32 people at once
    memory     what was kept free beside what the passes took
    faults     passes that lack memory: which requests end, and how soon the next one is answered
    capture    CUDA graphs that cannot be recorded: the tokens stay the same
    packed     8 and 4 bit on eight layers: memory expected and taken, logits beside transformers'
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "support")]

import httpx
import torch

from bench.http_people import TIMEOUT_S, chat_body, watch_over_http
from bench.prompts import A4, about_picture, ask, clip, page
from bench.random_checkpoint import NANO, TRUE_SIZE, write_checkpoint
from bench.served_model import ServedModel, serve_on_loopback, served_model
from bench.tiny_config import TINY
from bench.watch import Watched, gaps, greedy, watch
from webui.engine.execution.cuda_graphs import DecodeGraphs
from webui.engine.execution.device import Device
from webui.engine.loading.catalog import FLAGSHIP, choose
from webui.engine.loading.loader import load, read_machine
from webui.engine.loading.self_test import measure_distance
from webui.engine.planning.plan import make_plan
from webui.errors import WebUIError
from webui.protocol import Message

PAGES, PACKED_LAYERS, PEOPLE = 3, 8, (1, 8, 32)
GIGABYTE = 10**9
Row = dict[str, Any]


def check_plan(model: ServedModel) -> Iterator[Row]:
    machine = read_machine()
    summary = make_plan(machine, FLAGSHIP.needs).summary
    yield {
        "cards": len(machine.cards),
        "driver": machine.driver,
        "cuda": machine.cuda,
        "plan": summary,
    }


def check_start(model: ServedModel) -> Iterator[Row]:
    start = perf_counter()
    model.warm_up(ask("1 + 1 = ?"))
    status = model.status
    yield {
        "ready, s": perf_counter() - start,
        "device": status.device,
        "precision": status.precision,
        "GB of weights": status.memory_bytes / GIGABYTE,
        "slots": status.slots,
        "context": status.info.context_length,
    }
    if not model.small:
        torch.cuda.reset_peak_memory_stats(model.device)


def check_people(model: ServedModel) -> Iterator[Row]:
    tokens = 2 if model.small else 64
    with serve_on_loopback(model.manager) as address:
        for count in PEOPLE:
            start = perf_counter()
            seen = asyncio.run(ask_together(model, address, count, tokens))
            took = perf_counter() - start
            written = [each.usage.completion_tokens if each.usage else 0 for each in seen]
            if written != [tokens] * count:
                raise RuntimeError(f"{count} answers of {tokens} tokens have {written}")
            yield {
                "people": count,
                "tokens/s": sum(written) / took,
                "first, s": median(each.first_s for each in seen),
                "longest gap, s": max(max(gaps(each.times), default=0.0) for each in seen),
            }


async def ask_together(model: ServedModel, address: str, count: int, tokens: int) -> list[Watched]:
    """Ask `count` questions at once: clips as the page does, all others over HTTP."""
    name = model.status.info.name
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S, limits=limits) as client:
        jobs: list[Coroutine[Any, Any, Watched]] = []
        for person in range(count):
            messages = question(person, model)
            if is_clip(person):
                jobs.append(watch(model.manager, greedy(messages, tokens, f"clip {person}")))
            else:
                jobs.append(watch_over_http(client, chat_body(name, messages, tokens)))
        return list(await asyncio.gather(*jobs))


def is_clip(person: int) -> bool:
    return person % 4 == 3


def question(person: int, model: ServedModel) -> tuple[Message, ...]:
    """Return in turn a question about a text, a picture, pages and a clip."""
    kind = person % 4
    if kind == 0:
        return ask(f"{person} + {person} = ?")
    if kind == 1:
        return about_picture(person)
    if is_clip(person):
        return ask(clip(person), "What moves?")
    size = (112, 168) if model.small else model.status.info.image.split(PAGES, 6000).fit(*A4)
    pages = (page(person, number, size) for number in range(1, PAGES + 1))
    return ask(*pages, "What is on page 2?")


def check_memory(model: ServedModel) -> Iterator[Row]:
    """Compare what the passes took beside weights and cache with what was kept free for them."""
    if model.small:
        yield {"note": "only a card counts its memory"}
        return
    cache = sum(layer.nbytes for layer in model.runner.cache.layers)
    beside = torch.cuda.max_memory_allocated(model.device) - cache - model.status.memory_bytes
    free, total = torch.cuda.mem_get_info(model.device)
    kept = total - cache - model.status.memory_bytes
    yield {
        "GB in all": total / GIGABYTE,
        "GB kept for passes": kept / GIGABYTE,
        "GB that passes took": beside / GIGABYTE,
        "GB free now": free / GIGABYTE,
    }
    if beside > kept:
        raise RuntimeError("passes took more than was kept free")


@contextmanager
def starved(model: ServedModel, pass_name: str) -> Iterator[None]:
    """Make passes over requests named "guilty" allocate more memory than any device has."""
    runner = model.runner
    original = getattr(runner, pass_name)

    def pass_over(sequences: Any, *rest: Any) -> Any:
        if any("guilty" in sequence.id for sequence in sequences):
            device = str(runner.model.device)
            with Device(device):
                torch.empty(2**62, dtype=torch.uint8, device=device)
        return original(sequences, *rest)

    setattr(runner, pass_name, pass_over)
    try:
        yield
    finally:
        delattr(runner, pass_name)


def check_faults(model: ServedModel) -> Iterator[Row]:
    for pass_name in ("prefill", "decode"):
        with starved(model, pass_name):
            guilty, *others = asyncio.run(ask_beside_guilty(model))
            start = perf_counter()
            asyncio.run(watch(model.manager, greedy(question(1, model), 8, "after")))
        ended = [each for each in others if isinstance(each, BaseException)]
        yield {
            "lacks memory": pass_name,
            "ends": type(guilty).__name__,
            "others that ended": len(ended),
            "next answer, s": perf_counter() - start,
        }
        if ended or not isinstance(guilty, WebUIError):
            raise RuntimeError(
                f"a pass without memory in {pass_name} ended {len(ended)} others, and {guilty!r}"
            )


async def ask_beside_guilty(model: ServedModel) -> list[Watched | BaseException]:
    names = ["guilty", "other 1", "other 2", "other 3"]
    jobs = [
        watch(model.manager, greedy(question(number, model), 8, name))
        for number, name in enumerate(names)
    ]
    return await asyncio.gather(*jobs, return_exceptions=True)


class FailingRecorder:
    """Fails like a capture in which an operation waits for the device."""

    tries = 0

    def record(self, work: Callable[[], Any]) -> Any:
        self.tries += 1
        raise RuntimeError("operation not permitted when stream is capturing")


def check_capture(model: ServedModel) -> Iterator[Row]:
    runner, broken = model.runner, FailingRecorder()
    original = runner.decode_graphs
    tokens = 4 if model.small else 16
    texts = []
    for graphs in (original, DecodeGraphs(runner.decode_logits, runner.cache, broken)):
        runner.decode_graphs = graphs
        request = greedy(question(1, model), tokens, "one")
        texts.append(asyncio.run(watch(model.manager, request)).text)
    runner.decode_graphs = original
    yield {"tries": broken.tries, "same text": texts[0] == texts[1]}
    # On a card, the steps with and without a graph may differ in their last bits.
    if texts[0] != texts[1] and model.small:
        raise RuntimeError("the text without graphs differs")


def check_packed(model: ServedModel) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as written:
        folder = NANO
        if not model.small:
            folder = Path(written)
            config = json.loads(TRUE_SIZE.read_text())
            write_checkpoint(folder, config, model.device, PACKED_LAYERS)
        for kind in ("8bit", "4bit"):
            choice = choose(str(folder), kind, None, NANO)
            loaded = load(choice, model.device, 2, 2048, lambda progress: None)
            yield {
                "weights": kind,
                "GB expected": loaded.memory_bytes / GIGABYTE,
                "GB taken": loaded.runner.model.get_memory_footprint() / GIGABYTE,
                "logits from transformers'": measure_distance(loaded.runner),
            }


PARTS: dict[str, Callable[[ServedModel], Iterator[Row]]] = {
    "plan": check_plan,
    "start": check_start,
    "people": check_people,
    "memory": check_memory,
    "faults": check_faults,
    "capture": check_capture,
    "packed": check_packed,
}


@contextmanager
def make_model(device: str) -> Iterator[ServedModel]:
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        if device == "cpu":
            write_checkpoint(Path(folder), TINY)
        else:
            write_checkpoint(Path(folder), json.loads(TRUE_SIZE.read_text()), device)
            torch.cuda.empty_cache()
        print(f"weights written in {perf_counter() - start:.1f} s", flush=True)
        slots, context = (8, 2048) if device == "cpu" else (0, 0)
        with served_model(Path(folder), device, slots, context) as model:
            yield model


def format_row(row: Row) -> str:
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in row.items()
    )


def run_parts(model: ServedModel, json_path: Path | None) -> dict[str, list[Row]]:
    """Run every part and print its rows. A part that fails leaves a row "failed"."""
    report: dict[str, list[Row]] = {}
    for name, part in PARTS.items():
        rows = report.setdefault(name, [])
        try:
            for row in part(model):
                rows.append(row)
                print(f"{name:8} {format_row(row)}", flush=True)
        except Exception as error:
            rows.append({"failed": f"{type(error).__name__}: {error}"})
            print(f"{name:8} failed: {error}", flush=True)
        if json_path:
            json_path.write_text(json.dumps(report, indent=1))
    return report


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda:0" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="write the rows here")
    options = parser.parse_args(arguments)
    with make_model(options.device) as model:
        report = run_parts(model, options.json)
    return int(any("failed" in row for rows in report.values() for row in rows))


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)  # the provoked failures would fill the screen
    sys.exit(main())
