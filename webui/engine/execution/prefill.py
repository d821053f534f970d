"""PrefillChunk: a stretch of one prompt that is read in one pass, alone or beside chunks of others. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webui.engine.sequence import Sequence

if TYPE_CHECKING:
    from webui.engine.prompt import Prompt


@dataclass(frozen=True, slots=True, eq=False)
class PrefillChunk:
    """Tokens start..end of a sequence's prompt."""

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
    def ends(self) -> bool:
        return self.end == len(self.prompt.ids)

    def brings(self, prompt: Prompt, tokens: int) -> bool:
        """Whether the slot will hold so many tokens that a longer prompt begins with: to be copied from there."""
        return (
            tokens < len(prompt.ids)
            and tokens <= self.end
            and self.prompt.prefix_ids[:tokens] == prompt.prefix_ids[:tokens]
        )

    def keep(self) -> None:
        """It is in the slot now."""
        self.sequence.slot.prefix_ids.extend(self.prompt.prefix_ids[self.start : self.end])
        self.sequence.prefilled = self.end
        if self.ends:
            self.sequence.features = {}
