"""A spelling runner that fails: where, for whom and how often a test says."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from echo_runner import EchoRunner


@dataclass
class FaultyRunner(EchoRunner):
    """Raises `error` in the method `where` when `fails` says so of the names in the pass, at most `times` times.

    `lethal`: the device is dead from then on. `passes` has the names of each pass, by method.
    """

    where: str = "decode"
    fails: Callable[[list[str]], bool] = lambda names: "bad" in names
    error: Callable[[], Exception] = lambda: ZeroDivisionError("boom")
    times: int = 1_000_000
    lethal: bool = False
    failed: Counter = field(default_factory=Counter)
    passes: list = field(default_factory=list)

    def acquire_slot(self, sequence):
        self._pass("admit", [sequence])
        return super().acquire_slot(sequence)

    def prefill(self, sequences, tokens):
        self._pass("prefill", sequences)
        return super().prefill(sequences, tokens)

    def decode(self, sequences):
        self._pass("decode", sequences)
        return super().decode(sequences)

    def prefill_forced_ids(self, sequence):
        self._pass("force", [sequence])
        return super().prefill_forced_ids(sequence)

    def release_slot(self, sequence):
        self._pass("release", [sequence])
        super().release_slot(sequence)

    def _pass(self, where, sequences):
        names = [sequence.id for sequence in sequences]
        self.passes.append((where, names))
        if where == self.where and self.failed[where] < self.times and self.fails(names):
            self.failed[where] += 1
            self.dead = self.dead or self.lethal
            raise self.error()
