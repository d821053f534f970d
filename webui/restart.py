"""Restart the server process in place, where only a new process helps.

After an illegal memory access, a GPU refuses all further work of the process.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

# A process that fails sooner after its start would only fail again.
MIN_UPTIME_S = 60.0


class Restart:
    """A request to restart. Tests pass in `min_uptime_s` and `clock`."""

    def __init__(
        self, min_uptime_s: float = MIN_UPTIME_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._min_uptime_s, self._clock = min_uptime_s, clock
        self._started_at = clock()
        self.requested = False

    def request(self) -> None:
        """Request a restart, from any thread. Ignored if the process has only just started."""
        if self._clock() - self._started_at < self._min_uptime_s:
            logger.error("No restart: the process started less than %g s ago", self._min_uptime_s)
            return
        logger.error("The device is lost to this process; restarting")
        self.requested = True

    def execute(self) -> None:
        """Replace this process by the same program with the same arguments. Does not return."""
        sys.stdout.flush()
        # Python opens sockets as non-inheritable, so they close here.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
