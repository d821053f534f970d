"""ModelEntry: one of the models that can be asked for, and how it is doing.

Written by the loading thread; while its files are fetched, by the thread that does so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from webui.engine.loading.catalog import FLAGSHIP, Choice, choose
from webui.engine.loading.interface import LoadedModel
from webui.engine.manager.remaining_time import RemainingTime
from webui.engine.planning.needs import Needs
from webui.engine.planning.plan import Plan
from webui.errors import ModelLoadError
from webui.protocol import ModelStatus, Progress
from webui.reasons import StoppedRepeatedly

# A model that stops so often in a row without having answered anything is given up like one that cannot be loaded.
MOST_DEATHS = 3


class ModelEntry:
    """`status` is replaced whole, so that any thread may read it. `at_hand` is the choice with fetched files."""

    def __init__(self, wanted: str, quantization: str, bundled: Path) -> None:
        self._wanted, self._quantization, self._bundled = wanted, quantization, bundled
        self.choice = self.at_hand = choose(wanted, quantization, None, bundled)
        self.status = ModelStatus("unloaded", self.choice.info)
        self.failure: ModelLoadError | None = None
        self._failed_at = self._ready_at = self._rests_until = 0.0
        self._deaths = 0
        self._remaining = RemainingTime()
        # Its engine stopped, and it has not been loaded since.
        self.is_lost = False

    @property
    def depends_on_gpu(self) -> bool:
        return self._wanted == "auto"

    def choose(self, plan: Callable[[Needs, str], Plan]) -> None:
        """What its name means on this machine, where `plan` tells how a checkpoint would run."""
        planned = plan(FLAGSHIP.needs, self._quantization)
        self._become(choose(self._wanted, self._quantization, planned, self._bundled))

    def fall_back(self, error: ModelLoadError) -> None:
        """The bundled model steps in, and says why."""
        self._become(replace(choose("nano", "none", None, self._bundled), notice=error.copy()))

    def _become(self, choice: Choice) -> None:
        self.choice = self.at_hand = choice
        self.status = replace(self.status, info=choice.info, notice=choice.notice)

    def fetched(self, folder: Path) -> None:
        """Its files are there; it waits for its turn."""
        self.at_hand = replace(self.choice, source=str(folder))
        self.unloaded()

    def loading(self, progress: Progress | None = None) -> None:
        left_s = (
            self._remaining.update(time.monotonic(), progress.done, progress.total)
            if progress
            else 0.0
        )
        self.status = ModelStatus(
            "loading", self.status.info, progress, notice=self.choice.notice, left_s=left_s
        )

    def ready(self, loaded: LoadedModel, now: float) -> None:
        self.failure, self._ready_at, self.is_lost = None, now, False
        self.status = ModelStatus(
            "ready",
            loaded.info,
            None,
            loaded.device,
            loaded.memory_bytes,
            notice=self.choice.notice,
            precision=loaded.precision,
            slots=loaded.runner.slots,
        )

    def unloaded(self) -> None:
        self.status = ModelStatus("unloaded", self.status.info, notice=self.choice.notice)

    def failed(self, failure: ModelLoadError, now: float) -> None:
        self.failure, self._failed_at = failure, now
        self.status = ModelStatus(
            "failed", self.status.info, failure=failure, notice=self.choice.notice
        )

    def died(self, reason: str, *, answered: bool, now: float, pause_s: float) -> bool:
        """Its engine stopped; `answered` tells whether it had answered any request.

        Returns whether to load it again, which is not before it has been `pause_s` since it was ready last.
        """
        self.is_lost, self._rests_until = True, self._ready_at + pause_s
        self._deaths = 1 if answered else self._deaths + 1
        if self._deaths < MOST_DEATHS:
            self.loading()
            return True
        times, self._deaths = self._deaths, 0
        repeated = StoppedRepeatedly(times, reason)
        self.failed(ModelLoadError(model=self.status.info.name, reason=repeated), now)
        return False

    def rest(self, now: float) -> float:
        """Seconds until it may be loaded again after its engine stopped."""
        return max(self._rests_until - now, 0.0)

    def refusal(self, failed_since: float) -> ModelLoadError | None:
        """Its failure, if that is so recent that it is not to be tried again yet."""
        failure = self.failure
        # A new one for each: an exception collects the frames of everybody who raises it.
        if failure is None or self._failed_at <= failed_since:
            return None
        return failure.copy()
