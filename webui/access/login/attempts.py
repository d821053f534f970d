"""Exponential back-off after wrong passwords. Knows neither accounts nor passwords."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

# A few typing errors are free; each further wrong attempt doubles the wait.
FREE_ATTEMPTS = 5
FIRST_WAIT_S = 1.0
RESET_AFTER_S = 3600.0
MAX_KEYS = 10_000


@dataclass(slots=True)
class Failures:
    count: int = 0
    last: float = 0.0


class Attempts:
    """Wrong attempts by key, least recent first. The oldest are dropped, so memory stays bounded.

    `max_wait_s` bounds the wait of a key. Minutes for an address stop guessing. For an account the
    bound must be short, or a stranger could lock its owner out.
    """

    def __init__(self, max_wait_s: float, clock: Callable[[], float]) -> None:
        self._max_wait_s, self._clock = max_wait_s, clock
        self._failures: OrderedDict[str, Failures] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Return the seconds until this key may try again, 0 if it may now."""
        failures = self._failures.get(key)
        if failures is None or failures.count < FREE_ATTEMPTS:
            return 0.0
        doublings = min(failures.count - FREE_ATTEMPTS, 30)
        wait_s = min(FIRST_WAIT_S * 2.0**doublings, self._max_wait_s)
        return max(failures.last + wait_s - self._clock(), 0.0)

    def record_failure(self, key: str) -> int:
        """Count a wrong attempt, and return the count."""
        now = self._clock()
        failures = self._failures.pop(key, Failures())
        if now - failures.last > RESET_AFTER_S:
            failures = Failures()
        failures.count, failures.last = failures.count + 1, now
        self._failures[key] = failures
        while len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)
        return failures.count

    def record_success(self, key: str) -> None:
        self._failures.pop(key, None)
