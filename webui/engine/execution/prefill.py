"""PrefillChunk: a stretch of one prompt that is prefilled in one pass. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from webui.engine.prompt import Prompt
from webui.engine.sequence import Sequence


@dataclass(frozen=True, slots=True, eq=False)
class PrefillChunk:
    """The prompt tokens [start, end) of one sequence."""

    sequence: Sequence
    start: int
    end: int

    @property
    def prompt(self) -> Prompt:
        return self.sequence.prompt

    @property
    def ids(self) -> list[int]:
        return self.prompt.ids[self.start : self.end]

    @property
    def is_last(self) -> bool:
        return self.end == len(self.prompt.ids)

    def covers_prefix_of(self, prompt: Prompt, tokens: int) -> bool:
        """Return whether the slot will hold the first `tokens` tokens of a longer prompt.

        They are then copied from there in the next pass instead of prefilled twice.
        """
        return (
            tokens < len(prompt.ids)
            and tokens <= self.end
            and self.prompt.prefix_ids[:tokens] == prompt.prefix_ids[:tokens]
        )

    def commit(self) -> None:
        """Record that the slot holds these tokens now."""
        self.sequence.slot.prefix_ids.extend(self.prompt.prefix_ids[self.start : self.end])
        self.sequence.prefilled = self.end
        if self.is_last:
            self.sequence.features = {}
