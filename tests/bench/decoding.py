"""Measure decoding after prompts of several lengths, beside the limit of the GPU's memory."""

from __future__ import annotations

import asyncio
from time import perf_counter

import torch
from tqdm import tqdm

from bench.prompts import ask
from bench.report import Report
from bench.subject import engine_of
from bench.watch import Watched, greedy, watch
from bench.workload import Workload
from webui.engine.loading.loader import LoadedRunner
from webui.protocol import Message

WORDS = "one two three four five six seven eight nine ten "
COPIED_BYTES = 2 * 1024**3


def measure(loaded: LoadedRunner, work: Workload, report: Report) -> None:
    report.part("g", f"One person, {work.tokens} tokens after prompts of several lengths")
    weights = weight_bytes(loaded)
    bandwidth = copy_bandwidth() if loaded.runner.model.device.type == "cuda" else None
    report.line(f"weights read for each token: {weights / 1e9:.3f} GB")
    if bandwidth:
        report.line(
            f"copy bandwidth: {bandwidth / 1e9:.0f} GB/s, "
            f"so at most {bandwidth / weights:.0f} tokens/s"
        )
    rows = []
    for context in tqdm(work.contexts, "contexts", leave=False, delay=1):
        if context + work.tokens > loaded.runner.context_length:
            report.line(
                f"{context:>7} tokens: left out, the slots hold {loaded.runner.context_length}"
            )
            continue
        with engine_of(loaded) as engine:
            seen = asyncio.run(
                watch(
                    engine, greedy(long_prompt(loaded, context), work.tokens, f"context-{context}")
                )
            )
        tokens_per_s = decode_rate(seen)
        share = f", {tokens_per_s * weights / bandwidth:.0%} of the limit" if bandwidth else ""
        report.line(
            f"{context:>7} tokens: first token {seen.first_s:.3f} s, "
            f"then {tokens_per_s:.1f} tokens/s{share}"
        )
        rows.append({"context": context, "first_s": seen.first_s, "tokens_per_s": tokens_per_s})
    report.record(rows=rows, weight_bytes=weights, copy_bytes_per_s=bandwidth)


def decode_rate(seen: Watched) -> float:
    """Return the tokens per second after the first delta."""
    return (
        (seen.done - 1) / (seen.times[-1] - seen.times[0]) if len(seen.times) > 1 else float("nan")
    )


def long_prompt(loaded: LoadedRunner, context: int) -> tuple[Message, ...]:
    """Return about `context` tokens of text; no prompt is a prefix of one of another length."""
    start = f"{context}. "
    bare, more = (
        len(loaded.runner.build_prompt(ask(start + WORDS * count)).ids) for count in (0, 10)
    )
    return ask(start + WORDS * max((context - bare) * 10 // (more - bare), 0))


def weight_bytes(loaded: LoadedRunner) -> int:
    """Return the bytes that a decode step reads: text model without embeddings, and head."""
    model = loaded.runner.model
    text, table = model.model.language_model, model.get_input_embeddings()
    read = [*text.parameters(), *model.lm_head.parameters()]
    return sum(weight.nbytes for weight in read) - sum(
        weight.nbytes for weight in table.parameters()
    )


def copy_bandwidth() -> float:
    """Return the bytes per second of a copy on the GPU, reads plus writes, the best of ten."""
    source = torch.empty(COPIED_BYTES, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    best = float("inf")
    for _ in range(10):
        torch.cuda.synchronize()
        start = perf_counter()
        target.copy_(source)
        torch.cuda.synchronize()
        best = min(best, perf_counter() - start)
    return 2 * COPIED_BYTES / best
