"""What is put into the inbox of the loading thread."""

from __future__ import annotations

from dataclasses import dataclass

from webui.engine.manager.downloads import Outcome
from webui.engine.manager.model_entry import ModelEntry
from webui.engine.manager.model_queue import Admission
from webui.engine.serving.engine import EngineDeath


@dataclass(frozen=True, slots=True)
class Enqueue:
    ticket: Admission[ModelEntry]


@dataclass(frozen=True, slots=True)
class Release:
    ticket: Admission[ModelEntry]


@dataclass(frozen=True, slots=True)
class DownloadDone:
    model: ModelEntry
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class EngineDied:
    """The engine that was loaded as that number can go on no more."""

    number: int
    death: EngineDeath


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Unload, tell everyone, end the thread."""


ModelCommand = Enqueue | Release | DownloadDone | EngineDied | Shutdown
