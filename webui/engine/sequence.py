"""Sequence: one request on its way, token by token: when it ends, and what is forced into it. No torch, no text."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from webui.engine.repetition import Repetition
from webui.protocol import FinishReason, Progress, SamplingParams, ThoughtCut, Usage

if TYPE_CHECKING:
    from webui.engine.prompt import Prompt

# A long list may be what was asked for; a thought that repeats itself this much never is.
ANSWER_PATIENCE = 3


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
    """One request on its way. `prefilled` counts prompt tokens in the slot; the last three belong to the runner.

    `owner` is whose turn it counts as; "" makes the request its own owner. `alone`: it shares no pass.
    """

    id: str
    prompt: Prompt
    sampling: SamplingParams
    control: ControlIds
    limit: int
    owner: str = ""
    alone: bool = False
    output: list[int] = field(default_factory=list)
    forced: deque[int] = field(default_factory=deque)
    prefilled: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    thinking: bool = False
    thought_cut: ThoughtCut = ""
    repetition: Repetition = field(default_factory=Repetition)
    slot: Any = None
    row: Any = None
    features: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.owner = self.owner or self.id
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

    @property
    def progress(self) -> Progress:
        """Reading until the first token is there, then what it writes."""
        if not self.output:
            return Progress("prefill", self.prefilled, len(self.prompt.ids))
        return Progress("thinking" if self.thinking else "answering", len(self.output), self.limit)

    def take(self, sampled: int) -> tuple[int, FinishReason | None]:
        """Append the sampled token, or the forced one in its place. Returns it and the reason to end, if any."""
        token = self.forced.popleft() if self.forced else sampled
        self.output.append(token)
        self._watch_thinking(token)
        if token in self.control.end:
            return token, "stop"
        return token, "length" if len(
            self.output
        ) >= self.limit or self._goes_in_circles() else None

    def _goes_in_circles(self) -> bool:
        """Whether the answer repeats itself without end; a thought that does is cut, and the answer may come."""
        if not self.repetition.endless(self.output, 1 if self.thinking else ANSWER_PATIENCE):
            return False
        if self.thinking and self.control.close:
            self._cut_thought("repetition")
            return False
        return True

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
            self._cut_thought("requested")

    def _cut_thought(self, reason: ThoughtCut) -> None:
        """The closing ids follow the text so far; before the first token, those of an empty thought."""
        ids = self.control.close if self.output else self.control.direct
        if ids and not self.forced:
            self.forced.extend(ids)
            self.thought_cut = reason
