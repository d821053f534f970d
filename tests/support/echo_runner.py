"""A runner that spells: the engine's tests need one whose text they know."""

from dataclasses import dataclass, field
from time import sleep
from types import SimpleNamespace

from webui.engine.models.glm4v.control_tokens import TAGS
from webui.engine.reasoning.tags import ReasoningTags
from webui.engine.sequence import ControlIds, PrefillResult

END = 0


@dataclass
class EchoRunner:
    """Answers each prompt with its own text, a character a token, `chunk_tokens` prompt tokens a step."""

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

    def encode(self, messages, gone):
        return SimpleNamespace(ids=[ord(letter) for letter in messages[-1].text])

    def look_ahead(self, prompts):
        return prompts

    def decode_text(self, ids):
        return "".join(map(chr, ids))

    def admit(self, sequence):
        if len(self.held) == self.slots:
            return False
        self.held.add(sequence)
        return True

    def release(self, sequence):
        self.held.discard(sequence)

    def make_room(self):
        self.freed += 1

    def alive(self):
        return not self.dead

    def prefill(self, sequences, tokens):
        if self.fail_prefill and any("bad" in sequence.id for sequence in sequences):
            raise self.fail_prefill
        sleep(self.step_s)
        pieces = []
        for sequence in sequences:
            read = min(tokens, len(sequence.prompt.ids) - sequence.prefilled)
            if read:
                sequence.prefilled += read
                tokens -= read
                done = sequence.prefilled == len(sequence.prompt.ids)
                pieces.append(PrefillResult(sequence, read, self._next(sequence) if done else None))
        return pieces

    def decode(self, sequences):
        if self.fail_decode:
            raise self.fail_decode
        sleep(self.step_s)
        return [self._next(sequence) for sequence in sequences]

    def force(self, sequence):
        return self._next(sequence, len(sequence.forced))

    def _next(self, sequence, forced=0):
        written = len(sequence.output) + forced
        endless = "endless" in sequence.id
        ids = sequence.prompt.ids
        return ids[written % len(ids)] if endless or written < len(ids) else END
