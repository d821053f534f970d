"""FaultyRunner: an EchoRunner that fails where, for which requests and how often a test says."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from echo_runner import EchoRunner


@dataclass
class FaultyRunner(EchoRunner):
    """Raises `make_error()` in the method `where` if `fails` holds for the ids in the pass.

    It does so at most `times` times. `lethal`: the device is dead from then on. `passes` lists the
    method and the request ids of each pass.
    """

    where: str = "decode"
    fails: Callable[[list[str]], bool] = lambda ids: "bad" in ids
    make_error: Callable[[], Exception] = lambda: ZeroDivisionError("boom")
    times: int = 1_000_000
    lethal: bool = False
    failures: Counter = field(default_factory=Counter)
    passes: list = field(default_factory=list)

    def acquire_slot(self, sequence):
        self._record_pass("acquire_slot", [sequence])
        return super().acquire_slot(sequence)

    def prefill(self, sequences, max_tokens):
        self._record_pass("prefill", sequences)
        return super().prefill(sequences, max_tokens)

    def decode(self, sequences):
        self._record_pass("decode", sequences)
        return super().decode(sequences)

    def prefill_forced_ids(self, sequence):
        self._record_pass("prefill_forced_ids", [sequence])
        return super().prefill_forced_ids(sequence)

    def release_slot(self, sequence):
        self._record_pass("release_slot", [sequence])
        super().release_slot(sequence)

    def _record_pass(self, where, sequences):
        ids = [sequence.id for sequence in sequences]
        self.passes.append((where, ids))
        if where == self.where and self.failures[where] < self.times and self.fails(ids):
            self.failures[where] += 1
            self.dead = self.dead or self.lethal
            raise self.make_error()
