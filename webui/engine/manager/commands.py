"""ModelCommand: what other threads send to the model thread."""

from __future__ import annotations

from dataclasses import dataclass

from webui.engine.manager.downloads import DownloadResult
from webui.engine.manager.model_entry import ModelEntry
from webui.engine.manager.model_queue import Admission
from webui.engine.serving.engine_errors import EngineDeath


@dataclass(frozen=True, slots=True)
class Enqueue:
    admission: Admission[ModelEntry]


@dataclass(frozen=True, slots=True)
class Release:
    """The request of the admission has ended."""

    admission: Admission[ModelEntry]


@dataclass(frozen=True, slots=True)
class DownloadDone:
    entry: ModelEntry
    result: DownloadResult


@dataclass(frozen=True, slots=True)
class EngineDied:
    """The engine of the load with that number cannot go on."""

    load_number: int
    death: EngineDeath


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Unload, fail all waiting admissions, end the thread."""


ModelCommand = Enqueue | Release | DownloadDone | EngineDied | Shutdown
