"""Restart: a new process in this one's place, where only that helps. A GPU that met an illegal access refuses all that
follows until its process ends."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

# Sooner after its start, a process that fails would only fail again.
LEAST_UPTIME_S = 60.0


class Restart:
    """`wanted` once it was asked for. `least_uptime_s` and `clock` are passed in by tests only."""

    def __init__(
        self, least_uptime_s: float = LEAST_UPTIME_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._least_uptime_s, self._clock = least_uptime_s, clock
        self._started_at = clock()
        self.wanted = False

    def ask(self) -> None:
        """From any thread. Not heeded by a process that has only just begun."""
        if self._clock() - self._started_at < self._least_uptime_s:
            logger.error("no restart: the process began less than %g s ago", self._least_uptime_s)
            return
        logger.error("the model is lost to this process, which begins anew")
        self.wanted = True

    def act(self) -> None:
        """Does not return: the same program with the same arguments takes over. Its sockets close with this one."""
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
