"""Runner: what the engine needs from a model. ModelRunner implements it; tests use EchoRunner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tokenizers import Tokenizer

from webui.engine.prompt import IsAborted, Prompt
from webui.engine.reasoning.tags import ReasoningTags
from webui.engine.sequence import ControlIds, Sequence
from webui.protocol import Message


@dataclass(frozen=True, slots=True)
class SamplerOutput:
    """What one pass sampled for one row. `token_id` is None if the row's logits were not finite."""

    token_id: int | None


@dataclass(frozen=True, slots=True)
class PrefillResult:
    """What one pass of prefill did for one sequence.

    `tokens` counts the prompt tokens of the pass, those of images that it only encoded included.
    `sampled` is the first token of the answer, present once the whole prompt is in the slot.
    """

    sequence: Sequence
    tokens: int
    sampled: SamplerOutput | None = None


class Runner(Protocol):
    """One model on its device, with `slots` rows of `context_length` tokens each.

    Any thread may call `build_prompt` and `encode_ahead`; only the worker thread calls the others.
    A call that raises has no effect, so that it can be repeated for all or some of its sequences.
    """

    slots: int
    context_length: int
    chunk_tokens: int
    control: ControlIds
    tags: ReasoningTags
    tokenizer: Tokenizer

    def build_prompt(self, messages: tuple[Message, ...], is_aborted: IsAborted) -> Prompt:
        """Return the tokenised conversation.

        Raises ContextLengthError, before the work, if the prompt can never fit, and AbandonedError
        once `is_aborted` returns True.
        """
        ...

    def encode_ahead(self, prompts: list[Prompt]) -> list[Prompt]:
        """Return the prompts with the image features that can be computed before prefill."""
        ...

    def acquire_slot(self, sequence: Sequence) -> bool:
        """Give the sequence a slot and set how much of its prompt that slot holds already.

        Return False while all slots are in use.
        """
        ...

    def prefill(self, sequences: list[Sequence], max_tokens: int) -> list[PrefillResult]:
        """Prefill about `max_tokens` tokens in one pass; return a result for each sequence in it.

        A pass either encodes images of the first sequence, or prefills as many of the sequences,
        in this order, as fit. The first one always takes part.
        """
        ...

    def decode(self, sequences: list[Sequence]) -> list[SamplerOutput]:
        """Decode one token for each sequence, in one pass."""
        ...

    def prefill_forced_ids(self, sequence: Sequence) -> SamplerOutput:
        """Prefill the ids that are forced into the sequence, and sample the token after them."""
        ...

    def free_memory(self) -> None:
        """Free what the device need not keep. Called after a pass ran out of memory."""
        ...

    def is_device_alive(self) -> bool:
        """Return whether the device can still compute. Called after a pass raised."""
        ...

    def release_slot(self, sequence: Sequence) -> None:
        """Let other sequences take the slot."""
        ...
