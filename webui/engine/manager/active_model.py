"""ActiveModel: the one loaded model and its engine. Only the model thread calls it; any thread may read `engine`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

from webui.engine.loading.interface import LoadedModel, Loader
from webui.engine.manager.model_entry import ModelEntry
from webui.engine.serving.engine import EngineDeath, LocalEngine
from webui.engine.serving.engine_errors import describe_error
from webui.errors import ModelLoadError
from webui.protocol import Engine
from webui.reasons import EngineStoppedBefore, Unexpected

logger = logging.getLogger(__name__)


class ActiveModel:
    """`on_death` gets the number of the load whose engine died, on that engine's thread. `on_lost` is called when a
    model whose engine died cannot be loaded again."""

    def __init__(
        self,
        loader: Loader,
        on_death: Callable[[int, EngineDeath], None],
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._loader, self._on_death, self._on_lost = loader, on_death, on_lost
        self._littered = False
        self.loads = 0
        self.busy = False
        self.model: ModelEntry | None = None
        self.engine: Engine | None = None

    def load(self, wanted: ModelEntry) -> None:
        """Afterwards the wanted model is there, or no model and a failure that tells why."""
        self.unload()
        wanted.loading()
        self.busy = True
        try:
            loaded = self._loaded(wanted)
            self.loads += 1
            self.engine = LocalEngine(loaded.runner, on_death=partial(self._on_death, self.loads))
        except Exception as error:
            logger.warning(
                "loading failed: %s", error, exc_info=not isinstance(error, ModelLoadError)
            )
            # Without its traceback, whose frames hold on to what was half loaded.
            reason = (
                error.reason
                if isinstance(error, ModelLoadError)
                else Unexpected(describe_error(error))
            )
            if wanted.is_lost:
                reason = EngineStoppedBefore(reason)
                self._on_lost()
            wanted.failed(
                ModelLoadError(model=wanted.status.info.name, reason=reason), time.monotonic()
            )
            self._littered = True
        else:
            wanted.ready(loaded, time.monotonic())
            self.model = wanted
        self.busy = False
        self._tidy()

    def unload(self) -> None:
        self.leave()
        self._tidy()

    def leave(self) -> None:
        """The model is gone; what others still refer to of it takes memory until the next load."""
        if self.engine is None or self.model is None:
            return
        logger.info("unloading %s", self.model.status.info.name)
        engine, self.engine = self.engine, None
        engine.close()
        self.model.unloaded()
        self.model = None
        self._littered = True

    def _loaded(self, wanted: ModelEntry) -> LoadedModel:
        """The chosen model, or the bundled one where nobody asked for that very model and it cannot be had."""
        try:
            return self._loader.load(wanted.at_hand, wanted.loading)
        except ModelLoadError as error:
            if not wanted.choice.fallback:
                raise
            logger.warning("%s", error)
            wanted.fall_back(error)
        return self._loader.load(wanted.at_hand, wanted.loading)

    def _tidy(self) -> None:
        if not self._littered:
            return
        self._littered = False
        try:
            self._loader.free()
        except Exception:
            # A device that is lost refuses this as well; whether it is, the next load shows.
            logger.exception("memory cannot be given back")
