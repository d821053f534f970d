"""ReasoningTags: the markers that models of one family write into their text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReasoningTags:
    """Tags around the thought and the answer, and `hidden` ones that are dropped from the text."""

    think: str
    end_think: str
    answer: str
    end_answer: str
    hidden: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return (self.think, self.end_think, self.answer, self.end_answer, *self.hidden)
