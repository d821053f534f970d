"""ReasoningTags: the markers that models of one family write into their text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReasoningTags:
    """Tags around the reasoning and the answer; `hidden` lists others that are dropped."""

    think: str
    end_think: str
    answer: str
    end_answer: str
    hidden: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return (self.think, self.end_think, self.answer, self.end_answer, *self.hidden)
