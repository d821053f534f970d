"""RemainingTime: how long work that reports its progress will still take, at the pace of its last half minute. Pure."""

from __future__ import annotations

from collections import deque

SEEN_S = 30.0
# Of less than this a pace is a guess.
LEAST_S = 2.0


class RemainingTime:
    """Fed with (time in s, done of total); what begins anew, as loading does after a download, is other work."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def update(self, now: float, done: int, total: int) -> float:
        """Seconds left; 0 while that is unknown."""
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, done))
        while self._seen[-1][0] - self._seen[0][0] > SEEN_S:
            self._seen.popleft()
        began, first = self._seen[0]
        if now - began < LEAST_S or done <= first or done >= total:
            return 0.0
        return (total - done) * (now - began) / (done - first)
