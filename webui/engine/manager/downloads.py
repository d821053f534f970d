"""Downloads: fetch model files on background threads while another model answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from webui.engine.loading.interface import Loader
from webui.engine.manager.model_entry import ModelEntry
from webui.engine.manager.model_queue import Admission
from webui.engine.serving.engine_errors import describe_error
from webui.errors import ModelLoadError
from webui.reasons import Unexpected

logger = logging.getLogger(__name__)

# The folder of the files, or why they cannot be had.
DownloadResult = Path | ModelLoadError


class Downloads:
    """The downloads in progress, and the admissions that wait for each.

    `on_done` is called on the downloading thread; only the model thread calls the methods.
    """

    def __init__(
        self, loader: Loader, on_done: Callable[[ModelEntry, DownloadResult], None]
    ) -> None:
        self._loader, self._on_done = loader, on_done
        self._waiting: dict[ModelEntry, list[Admission[ModelEntry]]] = {}

    @property
    def waiting(self) -> list[Admission[ModelEntry]]:
        """The admissions of all downloads."""
        return [admission for admissions in self._waiting.values() for admission in admissions]

    def add_waiting(self, admission: Admission[ModelEntry]) -> None:
        """Let the admission wait for the files of its model; the first one starts the download."""
        if admission.model not in self._waiting:
            self.start_download(admission.model)
        self._waiting[admission.model].append(admission)

    def start_download(self, entry: ModelEntry) -> None:
        """Start to download the files of `entry.choice`, for those that wait already and later."""
        self._waiting.setdefault(entry, [])
        entry.set_loading()
        Thread(target=self._download_files, args=(entry,), name="model-files", daemon=True).start()

    def remove_waiting(self, admission: Admission[ModelEntry]) -> None:
        """Let the admission wait no longer. The download goes on, for later requests."""
        for admissions in self._waiting.values():
            if admission in admissions:
                admissions.remove(admission)

    def finish_download(self, entry: ModelEntry) -> list[Admission[ModelEntry]]:
        """End the download; return the admissions that waited for it."""
        return self._waiting.pop(entry)

    def _download_files(self, entry: ModelEntry) -> None:
        try:
            result: DownloadResult = self._loader.fetch(entry.choice, entry.set_loading)
        except ModelLoadError as error:
            # A copy, without the traceback and all that its frames refer to.
            result = error.copy()
        except Exception as error:
            logger.exception("cannot download %s", entry.choice.source)
            reason = Unexpected(describe_error(error))
            result = ModelLoadError(model=entry.status.info.name, reason=reason)
        self._on_done(entry, result)
