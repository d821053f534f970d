"""How long a client should wait that found the queue full."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from math import ceil

from webui.errors import QueueFullError

# OpenAI's clients heed no longer wait.
LONGEST_S = 60


class QueuePace:
    """Remembers when the API's answers of the last minute ended.

    At that pace those who wait now will have been answered after so many seconds. Answers on the page are not seen
    here, so that the queue may in truth be faster.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: deque[float] = deque()

    def answered(self) -> None:
        self._ends.append(self._clock())
        self._forget()

    def wait_s(self, error: QueueFullError) -> int:
        """Seconds, from 1 to a minute; a minute if nothing was answered in the last."""
        self._forget()
        waiting = int(str(error.params["waiting"]))
        return (
            min(max(ceil(LONGEST_S * waiting / len(self._ends)), 1), LONGEST_S)
            if self._ends
            else LONGEST_S
        )

    def _forget(self) -> None:
        while self._ends and self._ends[0] < self._clock() - LONGEST_S:
            self._ends.popleft()
