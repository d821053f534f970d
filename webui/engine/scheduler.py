"""Who waits, who is prefilled, who decodes. Pure bookkeeping: no torch, no thread, no text."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from webui.protocol import FinishReason, SamplingParams, ThoughtCut, Usage

if TYPE_CHECKING:
    from webui.engine.prompts import Prompt


@dataclass(frozen=True, slots=True)
class ControlIds:
    """The token ids that end an answer and that open and close the thought; `direct` and `close` are forced whole."""

    end: frozenset[int]
    think: int | None = None
    end_think: int | None = None
    direct: tuple[int, ...] = ()
    close: tuple[int, ...] = ()


@dataclass(slots=True, eq=False)
class Sequence:
    """One request on its way. `prefilled` counts prompt tokens in the slot; `slot` and `row` belong to the runner."""

    id: str
    prompt: Prompt
    sampling: SamplingParams
    control: ControlIds
    limit: int
    output: list[int] = field(default_factory=list)
    forced: deque[int] = field(default_factory=deque)
    prefilled: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    thinking: bool = False
    thought_cut: ThoughtCut = ""
    slot: Any = None
    row: Any = None

    def __post_init__(self) -> None:
        if self.sampling.thinking_token_budget == 0:
            self._cut_thought("budget")

    @property
    def length(self) -> int:
        """Tokens in the slot: the newest output token gets there when the next one is computed."""
        return self.prefilled + max(len(self.output) - 1, 0)

    @property
    def usage(self) -> Usage:
        counts = len(self.prompt.ids), len(self.output), self.reasoning_tokens, self.cached_tokens
        return Usage(*counts, self.thought_cut)

    def take(self, sampled: int) -> tuple[int, FinishReason | None]:
        """Append the sampled token, or the forced one in its place. Returns it and the reason to end, if any."""
        token = self.forced.popleft() if self.forced else sampled
        self.output.append(token)
        self._watch_thinking(token)
        if token in self.control.end:
            return token, "stop"
        return token, "length" if len(self.output) >= self.limit else None

    def _watch_thinking(self, token: int) -> None:
        if token in (self.control.think, self.control.end_think):
            self.thinking = token == self.control.think
        elif self.thinking:
            self.reasoning_tokens += 1
        budget = self.sampling.thinking_token_budget
        if self.thinking and budget is not None and self.reasoning_tokens >= budget:
            self._cut_thought("budget")

    def answer_now(self) -> None:
        """Somebody wants the answer: the thought ends where it is, or never begins."""
        if self.thinking or not self.output:
            self._cut_thought("asked")

    def _cut_thought(self, reason: ThoughtCut) -> None:
        """The closing ids follow the text so far; before the first token, those of an empty thought."""
        ids = self.control.close if self.output else self.control.direct
        if ids and not self.forced:
            self.forced.extend(ids)
            self.thought_cut = reason


class Scheduler:
    """First come, first served; every sequence with a slot makes progress in every step."""

    def __init__(self) -> None:
        self.waiting: deque[Sequence] = deque()
        self.prefilling: deque[Sequence] = deque()
        self.running: list[Sequence] = []

    def __iter__(self) -> Iterator[Sequence]:
        yield from (*self.waiting, *self.prefilling, *self.running)

    @property
    def idle(self) -> bool:
        return not (self.waiting or self.prefilling or self.running)

    def add(self, sequence: Sequence) -> None:
        self.waiting.append(sequence)

    def admit(self) -> None:
        """The first in the queue got its slot."""
        self.prefilling.append(self.waiting.popleft())

    def next_prefill(self) -> Sequence | None:
        """Whose turn it is; with several, one chunk each in turn."""
        if not self.prefilling:
            return None
        self.prefilling.rotate(-1)
        return self.prefilling[-1]

    def start(self, sequence: Sequence) -> None:
        """Its prompt is read: it decodes from the next step on."""
        self.prefilling.remove(sequence)
        self.running.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """It ended, wherever it was. The last running row takes its place, so that at most one row moves."""
        if sequence in self.running:
            index = self.running.index(sequence)
            last = self.running.pop()
            if last is not sequence:
                self.running[index] = last
            return
        for queue in (self.waiting, self.prefilling):
            if sequence in queue:
                queue.remove(sequence)

    def find(self, request_id: str) -> list[Sequence]:
        return [sequence for sequence in self if sequence.id == request_id]
