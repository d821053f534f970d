"""Steps from an `answer_now` call to the end of the reasoning and the start of the answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from bench.prompts import about_picture
from bench.report import Goal, Report
from bench.subject import engine_of
from bench.watch import Watched, greedy, watch
from bench.workload import Workload
from webui.engine.loading.loader import LoadedRunner
from webui.engine.sequence import Sequence
from webui.engine.serving.engine import LocalEngine
from webui.engine.serving.runner_protocol import SamplerOutput

FIRST_PICTURE = 5_000_000
CALLED_AFTER = (1, 2, 4, 6, 8)
TOKENS = 40


class CountingRunner:
    """A runner that counts its steps, the running one included.

    `closed` is the step that ended a thought, `output` the ids of that sequence, and `start` the
    place in them where the answer begins.
    """

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self.steps = self.closed = self.start = 0
        self.output: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def decode(self, sequences: list[Sequence]) -> list[SamplerOutput]:
        self.steps += 1
        return self._runner.decode(sequences)

    def prefill_forced_ids(self, sequence: Sequence) -> SamplerOutput:
        self.steps += 1
        self.closed, self.output = self.steps, sequence.output_ids
        self.start = len(sequence.output_ids) + len(sequence.forced_ids)
        return self._runner.prefill_forced_ids(sequence)

    def before_letter(self) -> int | None:
        """Return the tokens of the answer before its first letter, None if it has none."""
        answer = self.output[self.start :]
        texts = (
            self._runner.tokenizer.decode(answer[: count + 1], skip_special_tokens=False)
            for count in range(len(answer))
        )
        return next((count for count, text in enumerate(texts) if text.strip()), None)


@dataclass(slots=True)
class Call:
    """Steps from the call to the end of the thought, and tokens before the first letter."""

    steps: int = 0
    before_letter: int = 0


def measure(loaded: LoadedRunner, work: Workload, report: Report) -> None:
    report.part(
        "f",
        f"Answer now, called after {', '.join(map(str, CALLED_AFTER))} tokens; the slowest counts",
    )
    calls = [_called(loaded, FIRST_PICTURE + after, after) for after in CALLED_AFTER]
    cut = [call for call in calls if call is not None]
    report.record(calls=len(calls), cut=len(cut))
    if not cut:
        report.line("not measured: this model did not think")
        return
    report.line(
        f"{len(cut)} of {len(calls)} calls met a thought; "
        "the step that closes it writes the answer's first token"
    )
    report.goal(Goal("steps to the end of the thought", max(call.steps for call in cut), 2))
    letters = max(call.steps + call.before_letter for call in cut)
    report.goal(Goal("steps to the first letter of the answer", letters, 2))


def _called(loaded: LoadedRunner, number: int, after: int) -> Call | None:
    """Return the result of one call, None if there was no thought to end."""
    runner = CountingRunner(loaded.runner)
    with engine_of(loaded, lambda _: runner) as engine:
        return asyncio.run(_call(engine, runner, number, after))


async def _call(
    engine: LocalEngine, runner: CountingRunner, number: int, after: int
) -> Call | None:
    called = 0

    def follow(seen: Watched) -> None:
        nonlocal called
        if not called and seen.phase == "thinking" and seen.done >= after:
            called = runner.steps
            engine.answer_now(str(number))

    await watch(engine, greedy(about_picture(number), TOKENS, number), follow)
    letter = runner.before_letter()
    return Call(runner.closed - called, letter) if called and letter is not None else None
