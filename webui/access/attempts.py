"""Attempts: how long wrong passwords make an address or an account wait. Knows no clock and no password."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

# Typing errors cost nothing; from then on each wrong attempt doubles the wait.
FREE = 5
FIRST_WAIT_S = 1.0
FORGOTTEN_S = 3600.0
MOST_KEYS = 10_000


@dataclass(slots=True)
class Failures:
    count: int = 0
    last: float = 0.0


class Attempts:
    """Wrong attempts by key; those unseen for longest are forgotten first, so that memory stays bounded.

    `longest_wait_s` bounds the wait of a key. A bound of minutes on an address stops guessing; on an account it must
    be short, or a stranger could keep its owner out.
    """

    def __init__(self, longest_wait_s: float, clock: Callable[[], float]) -> None:
        self._longest_wait_s, self._clock = longest_wait_s, clock
        self._failures: OrderedDict[str, Failures] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Seconds until the next attempt of this key is looked into; 0 now."""
        failures = self._failures.get(key)
        if failures is None or failures.count < FREE:
            return 0.0
        wait = min(FIRST_WAIT_S * 2.0 ** min(failures.count - FREE, 30), self._longest_wait_s)
        return max(failures.last + wait - self._clock(), 0.0)

    def failed(self, key: str) -> int:
        """Count a wrong attempt; returns how many there were."""
        now = self._clock()
        failures = self._failures.pop(key, Failures())
        if now - failures.last > FORGOTTEN_S:
            failures = Failures()
        failures.count, failures.last = failures.count + 1, now
        self._failures[key] = failures
        while len(self._failures) > MOST_KEYS:
            self._failures.popitem(last=False)
        return failures.count

    def succeeded(self, key: str) -> None:
        self._failures.pop(key, None)
