"""EchoRunner: a Runner whose answers tests know."""

from dataclasses import dataclass, field
from functools import cache
from time import sleep
from types import SimpleNamespace

from tokenizers import Tokenizer, decoders, models

from webui.engine.models.glm4v.control_tokens import TAGS
from webui.engine.reasoning.tags import ReasoningTags
from webui.engine.sequence import ControlIds
from webui.engine.serving.runner_protocol import PrefillResult, SamplerOutput

END = 0
FIRST_SURROGATE = 0xD800


@cache
def character_tokenizer() -> Tokenizer:
    """Return a tokenizer with one token for each character, whose id is the code point."""
    vocabulary = {chr(point): point for point in range(1, FIRST_SURROGATE)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


@dataclass
class EchoRunner:
    """Answers each prompt with its own text, one character a token.

    A request with "endless" in its id repeats its text. Passes with "bad" in an id raise
    `fail_prefill`. Each pass takes `step_s`.
    """

    slots: int = 4
    chunk_tokens: int = 100
    step_s: float = 0.0
    context_length: int = 1000
    fail_prefill: Exception | None = None
    fail_decode: Exception | None = None
    dead: bool = False
    freed: int = 0
    held: set = field(default_factory=set)
    tags: ReasoningTags = TAGS
    control: ControlIds = field(default_factory=lambda: ControlIds(frozenset({END})))
    tokenizer: Tokenizer = field(default_factory=character_tokenizer)

    def build_prompt(self, messages, is_aborted):
        return SimpleNamespace(ids=[ord(letter) for letter in messages[-1].text])

    def encode_ahead(self, prompts):
        return prompts

    def acquire_slot(self, sequence):
        if len(self.held) == self.slots:
            return False
        self.held.add(sequence)
        return True

    def release_slot(self, sequence):
        self.held.discard(sequence)

    def free_memory(self):
        self.freed += 1

    def is_device_alive(self):
        return not self.dead

    def prefill(self, sequences, max_tokens):
        if self.fail_prefill and any("bad" in sequence.id for sequence in sequences):
            raise self.fail_prefill
        sleep(self.step_s)
        results = []
        for sequence in sequences:
            tokens = min(max_tokens, len(sequence.prompt.ids) - sequence.prefilled)
            if tokens:
                sequence.prefilled += tokens
                max_tokens -= tokens
                is_done = sequence.prefilled == len(sequence.prompt.ids)
                sampled = self._next_token(sequence) if is_done else None
                results.append(PrefillResult(sequence, tokens, sampled))
        return results

    def decode(self, sequences):
        if self.fail_decode:
            raise self.fail_decode
        sleep(self.step_s)
        return [self._next_token(sequence) for sequence in sequences]

    def prefill_forced_ids(self, sequence):
        return self._next_token(sequence, len(sequence.forced_ids))

    def _next_token(self, sequence, forced=0):
        position, ids = len(sequence.output_ids) + forced, sequence.prompt.ids
        if "endless" in sequence.id:
            return SamplerOutput(ids[position % len(ids)])
        return SamplerOutput(ids[position] if position < len(ids) else END)
