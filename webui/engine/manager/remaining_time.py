"""RemainingTime: estimates how long work that reports its progress will still take."""

from __future__ import annotations

from collections import deque

# The pace is that of so many last seconds, because the speed of a download changes.
WINDOW_S = 30.0
# Over less than this, a pace is a guess.
MIN_WINDOW_S = 2.0


class RemainingTime:
    """Takes the time in seconds, and how much of the total is done.

    Progress that goes backwards is that of other work, such as a load after a download.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def update(self, now: float, done: int, total: int) -> float:
        """Return the seconds left, or 0 while they are unknown."""
        if self._samples and done < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now, done))
        while self._samples[-1][0] - self._samples[0][0] > WINDOW_S:
            self._samples.popleft()
        window_start, done_at_start = self._samples[0]
        elapsed, progress = now - window_start, done - done_at_start
        if elapsed < MIN_WINDOW_S or progress <= 0 or done >= total:
            return 0.0
        return (total - done) * elapsed / progress
