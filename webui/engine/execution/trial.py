"""AutoTuner: which of two ways to do the same thing is faster here and now. Knows no clock, and not what is done."""

from __future__ import annotations

from statistics import median

# The second way is tried for so many times in a row after so many of the first, and again after a rest.
TRIES = 8
FIRST_REST, REST = 16, 256
# A difference below this is noise.
LEAST_GAIN = 0.95


class AutoTuner:
    """`second` says which way to go next; the first one is assumed to be the faster one until it proves otherwise."""

    def __init__(self) -> None:
        self.second = False
        self._rest = FIRST_REST
        self._size = 0
        self._times: list[float] = []

    def took(self, size: int, seconds: float) -> None:
        """It was done once. Only times of things of the same size are compared."""
        if self._rest:
            self._rest -= 1
            return
        if size != self._size:
            self._size, self._times = size, []
        self._times.append(seconds)
        if len(self._times) == TRIES:
            self.second = not self.second
        elif len(self._times) == 2 * TRIES:
            if median(self._times[TRIES:]) > LEAST_GAIN * median(self._times[:TRIES]):
                self.second = not self.second
            self._times, self._rest = [], REST
