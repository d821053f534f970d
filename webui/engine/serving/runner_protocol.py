"""Runner: what the engine asks of a model. The real one is ModelRunner; tests have one that spells."""

from __future__ import annotations

from typing import Protocol

from webui.engine.prompt import IsAborted, Prompt
from webui.engine.reasoning.tags import ReasoningTags
from webui.engine.sequence import ControlIds, PrefillResult, Sampled, Sequence
from webui.protocol import Message


class Runner(Protocol):
    """The model behind the engine. All but the first three are called from the worker thread only."""

    slots: int
    context_length: int
    chunk_tokens: int
    control: ControlIds
    tags: ReasoningTags

    def encode(self, messages: tuple[Message, ...], is_aborted: IsAborted) -> Prompt:
        """Return the prompt. Raise ContextLengthError early for one that can never fit.

        `is_aborted` returns True once the request is aborted: the prompt is not needed then.
        """
        ...

    def look_ahead(self, prompts: list[Prompt]) -> list[Prompt]:
        """The prompts with what can be made of their pictures before it is their turn to be read."""
        ...

    def decode_text(self, ids: list[int]) -> str: ...

    def admit(self, sequence: Sequence) -> bool:
        """Give it a slot and tell it how much of its prompt is there already; False while all slots are busy."""
        ...

    def prefill(self, sequences: list[Sequence], tokens: int) -> list[PrefillResult]:
        """Work on about that many tokens in one pass: look at a page of the first prompt, or read on in as many of
        these prompts, in this order, as fit. A piece for each that was worked on; the first always is."""
        ...

    def decode(self, sequences: list[Sequence]) -> list[Sampled]:
        """The next token of each. One whose numbers are not finite gets an error, and the others what they get without
        it."""
        ...

    def force(self, sequence: Sequence) -> Sampled:
        """Read the ids that are forced into the row in one pass; the token after them."""
        ...

    def make_room(self) -> None:
        """Give memory back that need not be kept: a pass ran out of it."""
        ...

    def alive(self) -> bool:
        """Whether the device can still compute, after a pass that raised. Any pass may be made again then: those that
        raise leave no trace."""
        ...

    def release(self, sequence: Sequence) -> None:
        """Its slot may be taken by others from now on."""
        ...
