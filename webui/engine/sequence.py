"""Sequence: one request from its prompt to its last token. Knows no torch and no text."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from webui.engine.repetition import RepetitionDetector
from webui.protocol import FinishReason, Phase, Progress, SamplingParams, ThoughtCut, Usage

if TYPE_CHECKING:
    from webui.engine.prompt import Prompt

# Answers are cut at a repetition this many times as long as thoughts are: a long list may be what
# the user wants, while a thought that repeats itself never is.
ANSWER_PATIENCE = 3


@dataclass(frozen=True, slots=True)
class ControlIds:
    """Token ids with a meaning to the engine.

    `end` ids end an answer. `think` and `end_think` enclose the thought, None for models without
    thoughts. `empty_thought` and `close_thought` are forced into a sequence as a whole: to answer
    without a thought, and to end a thought. Both lead into the answer.
    """

    end: frozenset[int]
    think: int | None = None
    end_think: int | None = None
    empty_thought: tuple[int, ...] = ()
    close_thought: tuple[int, ...] = ()


@dataclass(slots=True, eq=False)
class Sequence:
    """One request in the batch.

    `owner` is the user that fair scheduling counts the request for, by default the request itself.
    `alone` keeps it out of passes with other sequences. `forced_ids` replace the tokens that are
    sampled next. `prefilled` counts the prompt tokens in the slot, `cached_tokens` those of them
    that needed no prefill. The runner owns `slot`, `row` (the sampler's) and `features` (image
    features pinned until they have been prefilled).
    """

    id: str
    prompt: Prompt
    sampling: SamplingParams
    control: ControlIds
    max_new_tokens: int
    owner: str = ""
    alone: bool = False
    output_ids: list[int] = field(default_factory=list)
    forced_ids: deque[int] = field(default_factory=deque)
    prefilled: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    thinking: bool = False
    thought_cut: ThoughtCut = ""
    repetition: RepetitionDetector = field(default_factory=RepetitionDetector)
    slot: Any = None
    row: Any = None
    features: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.owner = self.owner or self.id
        if self.sampling.thinking_token_budget == 0:
            self._cut_thought("budget")

    @property
    def length(self) -> int:
        """The number of tokens in the slot.

        The newest output token is not among them: its keys and values are computed by the pass
        that samples the next one.
        """
        return self.prefilled + max(len(self.output_ids) - 1, 0)

    @property
    def usage(self) -> Usage:
        return Usage(
            len(self.prompt.ids),
            len(self.output_ids),
            self.reasoning_tokens,
            self.cached_tokens,
            self.thought_cut,
        )

    @property
    def progress(self) -> Progress:
        """Prompt tokens until the first output token, output tokens from then on."""
        if not self.output_ids:
            return Progress("prefill", self.prefilled, len(self.prompt.ids))
        phase: Phase = "thinking" if self.thinking else "answering"
        return Progress(phase, len(self.output_ids), self.max_new_tokens)

    def append_token(self, sampled: int) -> tuple[int, FinishReason | None]:
        """Append the sampled token, or the next forced one in its place.

        Return the appended token, and the finish reason if the sequence ends with it.
        """
        token = self.forced_ids.popleft() if self.forced_ids else sampled
        self.output_ids.append(token)
        self._count_reasoning(token)
        if token in self.control.end:
            return token, "stop"
        if len(self.output_ids) >= self.max_new_tokens or self._is_degenerate():
            return token, "length"
        return token, None

    def answer_now(self) -> None:
        """End the thought here, or skip it before it begins. An answer is left alone."""
        if self.thinking or not self.output_ids:
            self._cut_thought("requested")

    def _is_degenerate(self) -> bool:
        """Return whether the answer repeats itself without end.

        A thought that does so is cut instead, so that an answer can follow.
        """
        patience = 1 if self.thinking else ANSWER_PATIENCE
        if not self.repetition.is_endless(self.output_ids, patience):
            return False
        if self.thinking and self.control.close_thought:
            self._cut_thought("repetition")
            return False
        return True

    def _count_reasoning(self, token: int) -> None:
        if token in (self.control.think, self.control.end_think):
            self.thinking = token == self.control.think
        elif self.thinking:
            self.reasoning_tokens += 1
        budget = self.sampling.thinking_token_budget
        if self.thinking and budget is not None and self.reasoning_tokens >= budget:
            self._cut_thought("budget")

    def _cut_thought(self, reason: ThoughtCut) -> None:
        """Force the end of the thought after the output so far, or an empty thought before it.

        Forcing ids into the running row costs no second prefill.
        """
        ids = self.control.close_thought if self.output_ids else self.control.empty_thought
        if ids and not self.forced_ids:
            self.forced_ids.extend(ids)
            self.thought_cut = reason
