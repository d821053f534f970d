"""ModelEntry: one model of the menu, and its state.

Written by the model thread, and by the downloading thread while the files are fetched.
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

# A model whose engine dies this often in a row, without a single whole answer, is given up like one
# that cannot be loaded.
MAX_DEATHS = 3


class ModelEntry:
    """`choice` is what the name means here; `resolved` is the choice with the folder of its files.

    `status` is replaced as a whole, so that any thread may read it. `is_lost`: its engine died, and
    the model has not been loaded since.
    """

    def __init__(self, name: str, quantization: str, bundled: Path) -> None:
        self._name, self._quantization, self._bundled = name, quantization, bundled
        self.choice = self.resolved = choose(name, quantization, None, bundled)
        self.status = ModelStatus("unloaded", self.choice.info)
        self.failure: ModelLoadError | None = None
        self.is_lost = False
        self._failed_at = self._ready_at = self._paused_until = 0.0
        self._deaths = 0
        self._remaining = RemainingTime()

    @property
    def depends_on_gpu(self) -> bool:
        return self._name == "auto"

    def choose(self, plan: Callable[[Needs, str], Plan]) -> None:
        """Decide what the name means on this machine, from the plan for the largest model."""
        planned = plan(FLAGSHIP.needs, self._quantization)
        self._set_choice(choose(self._name, self._quantization, planned, self._bundled))

    def use_fallback(self, error: ModelLoadError) -> None:
        """Switch to the bundled model, with the error as the notice."""
        fallback = choose("nano", "none", None, self._bundled)
        self._set_choice(replace(fallback, notice=error.copy()))

    def _set_choice(self, choice: Choice) -> None:
        self.choice = self.resolved = choice
        self.status = replace(self.status, info=choice.info, notice=choice.notice)

    def set_downloaded(self, folder: Path) -> None:
        """Record the folder of the files. The model is not loaded yet."""
        self.resolved = replace(self.choice, source=str(folder))
        self.set_unloaded()

    def set_loading(self, progress: Progress | None = None) -> None:
        left_s = 0.0
        if progress is not None:
            left_s = self._remaining.update(time.monotonic(), progress.done, progress.total)
        self.status = ModelStatus(
            "loading", self.status.info, progress, notice=self.choice.notice, left_s=left_s
        )

    def set_ready(self, loaded: LoadedModel, now: float) -> None:
        self.failure, self._ready_at, self.is_lost = None, now, False
        self.status = ModelStatus(
            "ready",
            loaded.info,
            device=loaded.device,
            memory_bytes=loaded.memory_bytes,
            notice=self.choice.notice,
            precision=loaded.precision,
            slots=loaded.slots,
        )

    def set_unloaded(self) -> None:
        self.status = ModelStatus("unloaded", self.status.info, notice=self.choice.notice)

    def set_failed(self, failure: ModelLoadError, now: float) -> None:
        self.failure, self._failed_at = failure, now
        self.status = ModelStatus(
            "failed", self.status.info, failure=failure, notice=self.choice.notice
        )

    def record_death(self, reason: str, *, has_answered: bool, now: float, pause_s: float) -> bool:
        """Record that the engine died; return whether to load the model again.

        `has_answered`: a request received its whole answer from that engine. The model may be
        loaded again `pause_s` after it was ready last.
        """
        self.is_lost, self._paused_until = True, self._ready_at + pause_s
        self._deaths = 1 if has_answered else self._deaths + 1
        if self._deaths < MAX_DEATHS:
            self.set_loading()
            return True
        deaths, self._deaths = self._deaths, 0
        stopped = StoppedRepeatedly(deaths, reason)
        self.set_failed(ModelLoadError(model=self.status.info.name, reason=stopped), now)
        return False

    def seconds_to_reload(self, now: float) -> float:
        """Return how long to wait before loading the model again after its engine died."""
        return max(self._paused_until - now, 0.0)

    def failure_since(self, time_s: float) -> ModelLoadError | None:
        """Return the failure if it happened after `time_s`, as a new error to raise.

        A new one each time, because an exception collects the frames that raise it.
        """
        if self.failure is None or self._failed_at <= time_s:
            return None
        return self.failure.copy()
