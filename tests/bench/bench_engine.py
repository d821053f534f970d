"""Measure this engine beside model.generate, in one process and one run.

    python tests/bench/bench_engine.py [--only a,d] [--json FILE] [--model PATH]
    python tests/bench/bench_engine.py --random-weights tests/bench/glm-4.1v-9b.json \\
        --contexts 1024 8192 32768

Parts: a  1 to 32 people: a thread of model.generate each, model.generate in turn, this engine
       b  the second question about a document of 20 pages
       c  a running stream while another user sends 20 pages
       d  50 requests of one owner, and another owner's first token
       e  an hour's worth of short requests: memory and slots
       f  Answer now: steps to the answer
       g  decode speed after long prompts, with --contexts; on a GPU beside what its memory allows
       h  4 MB of text and 200 pictures: time to the refusal, and another owner's first token

All answers are greedy and have a fixed length: in every way of generating, no token ends them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "support")]

import torch
import transformers

from bench import answer_now, decoding, flood, hour, oversize, people, reading
from bench.report import Report
from bench.subject import checkpoint, random_weights
from bench.workload import Workload
from webui.engine.loading.loader import LoadedRunner

Part = Callable[[LoadedRunner, Workload, Report], None]
PARTS: dict[str, Part] = {
    "a": people.measure,
    "b": reading.follow_up,
    "c": reading.gap,
    "d": flood.measure,
    "e": hour.measure,
    "f": answer_now.measure,
    "g": decoding.measure,
    "h": oversize.measure,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.random_weights and options.quantization != "none":
        parser.error("random weights are not quantized: --quantization goes with --model")
    if options.random_weights:
        loaded = random_weights(
            options.random_weights, options.device, options.slots, options.context
        )
    else:
        loaded = checkpoint(
            options.model, options.quantization, options.device, options.slots, options.context
        )
    work = Workload(
        tuple(options.people),
        options.tokens,
        options.repeats,
        options.requests,
        tuple(options.contexts or ()),
    )
    report = Report(_machine(loaded, options.quantization))
    wanted = options.only or [part for part in PARTS if part != "g" or options.contexts]
    for part in wanted:
        PARTS[part](loaded, work, report)
        report.close_part()
        if options.json:
            report.write(options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual = Workload()
    model = parser.add_mutually_exclusive_group()
    model.add_argument("--model", default="nano", help="nano, a folder or a hub id")
    model.add_argument(
        "--random-weights",
        type=Path,
        metavar="CONFIG",
        help="a config.json of glm4v, or its folder",
    )
    parser.add_argument(
        "--quantization", choices=("none", "8bit", "4bit"), default="none", help="for --model"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--slots", type=int, default=0, help="0: as many as fit")
    parser.add_argument(
        "--context", type=int, default=0, help="tokens of a slot; 0: as many as fit"
    )
    parser.add_argument("--only", type=_letters, help="a,b,…: only these parts")
    parser.add_argument("--people", type=int, nargs="+", default=usual.people)
    parser.add_argument(
        "--tokens", type=int, default=usual.tokens, help="length of every answer in a, d and g"
    )
    parser.add_argument("--repeats", type=int, default=usual.repeats)
    parser.add_argument("--requests", type=int, default=usual.requests, help="of the hour")
    parser.add_argument("--contexts", type=int, nargs="+", help="prompt lengths of g")
    parser.add_argument("--json", type=Path, help="write the numbers here, after every part")
    return parser


def _letters(text: str) -> list[str]:
    letters = text.split(",")
    if unknown := [letter for letter in letters if letter not in PARTS]:
        raise argparse.ArgumentTypeError(
            f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}"
        )
    return letters


def _machine(loaded: LoadedRunner, quantization: str) -> dict[str, str]:
    cache = loaded.runner.cache
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return {
        "model": (
            f"{loaded.info.name} ({loaded.memory_bytes / 1e9:.2f} GB, quantization {quantization})"
        ),
        "on": loaded.device,
        "cores": f"{cores}, load {load:.1f}",
        "slots": f"{len(cache.slots)} of {loaded.runner.context_length} tokens",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


if __name__ == "__main__":
    main()
