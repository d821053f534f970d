"""The Retry-After of a full queue, estimated from the rate of recent completions."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from math import ceil

from webui.errors import QueueFullError

# OpenAI's clients ignore a longer Retry-After.
MAX_WAIT_S = 60


class CompletionRate:
    """Records when the API's answers of the last minute ended.

    Answers on the page are not recorded, so the queue may be faster than the estimate.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ended_at: deque[float] = deque()

    def record_completion(self) -> None:
        self._ended_at.append(self._clock())
        self._drop_old()

    def retry_after_s(self, error: QueueFullError) -> int:
        """Return the seconds until the queue is empty at this rate: 1 to 60, 60 if unknown."""
        self._drop_old()
        if not self._ended_at:
            return MAX_WAIT_S
        waiting = int(str(error.params["waiting"]))
        wait_s = ceil(MAX_WAIT_S * waiting / len(self._ended_at))
        return min(max(wait_s, 1), MAX_WAIT_S)

    def _drop_old(self) -> None:
        while self._ended_at and self._ended_at[0] < self._clock() - MAX_WAIT_S:
            self._ended_at.popleft()
