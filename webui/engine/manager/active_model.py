"""ActiveModel: the one model in memory and its engine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

from webui.engine.loading.interface import LoadedModel, Loader
from webui.engine.manager.model_entry import ModelEntry
from webui.engine.serving.engine_errors import EngineDeath, describe_error
from webui.errors import ModelLoadError
from webui.protocol import Engine
from webui.reasons import EngineStoppedBefore, Unexpected

logger = logging.getLogger(__name__)


class ActiveModel:
    """Loads and unloads. Only the model thread calls the methods; any thread may read `engine`.

    `on_death` gets the number of the load whose engine died, on a thread of that engine. `on_lost`
    is called when a model whose engine died cannot be loaded again.
    """

    def __init__(
        self,
        loader: Loader,
        on_death: Callable[[int, EngineDeath], None],
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._loader, self._on_death, self._on_lost = loader, on_death, on_lost
        self._has_garbage = False
        self.load_count = 0
        self.is_loading = False
        self.entry: ModelEntry | None = None
        self.engine: Engine | None = None

    def load(self, entry: ModelEntry) -> None:
        """Replace the loaded model. On failure none is loaded, and the entry has the reason."""
        self.unload()
        entry.set_loading()
        self.is_loading = True
        try:
            loaded = self._load_or_fall_back(entry)
        except Exception as error:
            self._record_failure(entry, error)
            self._has_garbage = True
        else:
            entry.set_ready(loaded, time.monotonic())
            self.entry, self.engine = entry, loaded.engine
        self.is_loading = False
        self._free_memory()

    def unload(self) -> None:
        """Close the engine and give its memory back."""
        self.detach()
        self._free_memory()

    def detach(self) -> None:
        """Close the engine. Its memory is given back by the next load.

        For an engine that died: its requests still refer to it while they handle the error.
        """
        if self.engine is None or self.entry is None:
            return
        logger.info("unloading %s", self.entry.status.info.name)
        engine, self.engine = self.engine, None
        engine.close()
        self.entry.set_unloaded()
        self.entry = None
        self._has_garbage = True

    def _load_or_fall_back(self, entry: ModelEntry) -> LoadedModel:
        """Load the chosen model, or the bundled one if that fails and the choice allows it."""
        self.load_count += 1
        on_death = partial(self._on_death, self.load_count)
        try:
            return self._loader.load(entry.resolved, entry.set_loading, on_death)
        except ModelLoadError as error:
            if not entry.choice.fallback:
                raise
            logger.warning("%s", error)
            entry.use_fallback(error)
        return self._loader.load(entry.resolved, entry.set_loading, on_death)

    def _record_failure(self, entry: ModelEntry, error: Exception) -> None:
        """Store a new error. The traceback of the old one refers to what was half loaded."""
        is_expected = isinstance(error, ModelLoadError)
        logger.warning("loading failed: %s", error, exc_info=not is_expected)
        reason = (
            error.reason if isinstance(error, ModelLoadError) else Unexpected(describe_error(error))
        )
        if entry.is_lost:
            reason = EngineStoppedBefore(reason)
            self._on_lost()
        failure = ModelLoadError(model=entry.status.info.name, reason=reason)
        entry.set_failed(failure, time.monotonic())

    def _free_memory(self) -> None:
        if not self._has_garbage:
            return
        self._has_garbage = False
        try:
            self._loader.free()
        except Exception:
            # A lost device refuses this too. Whether it is lost, the next load will show.
            logger.exception("cannot give memory back")
