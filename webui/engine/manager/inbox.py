"""What is put into the inbox of the loading thread."""

from __future__ import annotations

from dataclasses import dataclass

from webui.engine.manager.downloads import Outcome
from webui.engine.manager.model_entry import Hosted
from webui.engine.manager.model_queue import Ticket
from webui.engine.serving.engine import Death


@dataclass(frozen=True, slots=True)
class Enter:
    ticket: Ticket[Hosted]


@dataclass(frozen=True, slots=True)
class Leave:
    ticket: Ticket[Hosted]


@dataclass(frozen=True, slots=True)
class Fetched:
    model: Hosted
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Died:
    """The engine that was loaded as that number can go on no more."""

    number: int
    death: Death


@dataclass(frozen=True, slots=True)
class Close:
    """Unload, tell everyone, end the thread."""


Letter = Enter | Leave | Fetched | Died | Close
