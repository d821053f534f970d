"""Downloads: fetch model files on background threads while another model answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from webui.engine.loading.interface import Loader
from webui.engine.manager.model_entry import ModelEntry
from webui.engine.manager.model_queue import Admission
from webui.errors import ModelLoadError
from webui.reasons import Unexpected

logger = logging.getLogger(__name__)

Outcome = Path | ModelLoadError


class Downloads:
    """`done` is called on the fetching thread; everything else on the loading thread."""

    def __init__(self, loader: Loader, done: Callable[[ModelEntry, Outcome], None]) -> None:
        self._loader, self._done = loader, done
        self._waiting: dict[ModelEntry, list[Admission[ModelEntry]]] = {}

    @property
    def waiting(self) -> list[Admission[ModelEntry]]:
        return [ticket for tickets in self._waiting.values() for ticket in tickets]

    def add(self, ticket: Admission[ModelEntry]) -> None:
        """Wait for the files of the ticket's model; the first who does has them fetched."""
        if ticket.model not in self._waiting:
            self.start(ticket.model)
        self._waiting[ticket.model].append(ticket)

    def start(self, model: ModelEntry) -> None:
        """Fetch, whoever waits already."""
        self._waiting.setdefault(model, [])
        model.loading()
        Thread(target=self._fetch, args=(model,), name="model-files", daemon=True).start()

    def drop(self, ticket: Admission[ModelEntry]) -> None:
        """It waits no longer. The fetch goes on: whoever comes next finds the files."""
        for tickets in self._waiting.values():
            if ticket in tickets:
                tickets.remove(ticket)

    def end(self, model: ModelEntry) -> list[Admission[ModelEntry]]:
        """Who waited for that model's files, which are there now or cannot be had."""
        return self._waiting.pop(model)

    def _fetch(self, model: ModelEntry) -> None:
        try:
            outcome: Outcome = self._loader.fetch(model.choice, model.loading)
        except ModelLoadError as error:
            # A new one, without the traceback and all that its frames hold on to.
            outcome = error.copy()
        except Exception as error:
            logger.exception("fetching %s", model.choice.source)
            outcome = ModelLoadError(
                model=model.status.info.name,
                reason=Unexpected(f"{type(error).__name__}: {error}"),
            )
        self._done(model, outcome)
