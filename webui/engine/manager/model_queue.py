"""ModelQueue: which requests wait for which model, and which are active. No thread, no clock."""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Generic, TypeVar

from webui.errors import WebUIError
from webui.protocol import Engine

M = TypeVar("M")


@dataclass(eq=False, slots=True)
class Admission(Generic[M]):
    """One request's wait for its model; `engine` is set once the request may use it.

    `load_only`: a wish to have the model loaded, without a request. `is_retry`: the request was
    active when its engine died, and goes first.
    """

    model: M
    load_only: bool = False
    is_retry: bool = False
    engine: Future[Engine] = field(default_factory=Future)

    def resolve(self, outcome: Engine | WebUIError) -> None:
        """Set the engine, or the error. Ignored if the request has stopped waiting."""
        with suppress(InvalidStateError):
            if isinstance(outcome, WebUIError):
                self.engine.set_exception(outcome)
            else:
                self.engine.set_result(outcome)


class ModelQueue(Generic[M]):
    """First come, first served, by model, of which one is loaded at a time.

    Requests for the loaded model are admitted together until one waits for another model. Running
    requests finish first, and later requests queue behind the switch, so that no model starves.
    """

    def __init__(self) -> None:
        self.waiting: list[Admission[M]] = []
        self.active: set[Admission[M]] = set()

    @property
    def is_idle(self) -> bool:
        return not self.waiting and not self.active

    def is_waited_for(self, model: M) -> bool:
        return any(admission.model is model for admission in self.waiting)

    def enqueue(self, admission: Admission[M]) -> None:
        """Queue an admission: a retry behind the other retries, others at the end."""
        index = len(self.waiting)
        if admission.is_retry:
            index = sum(other.is_retry for other in self.waiting)
        self.waiting.insert(index, admission)

    def remove_admission(self, admission: Admission[M]) -> None:
        """Remove an admission whose request has ended. Ignored if it is not there."""
        self.active.discard(admission)
        self.waiting = [other for other in self.waiting if other is not admission]

    def admit_next(self, loaded: M) -> list[Admission[M]]:
        """Admit those before the first admission that waits for another than the loaded model."""
        return self._move_to_active(
            list(takewhile(lambda other: other.model is loaded, self.waiting))
        )

    def admit_all(self, model: M) -> list[Admission[M]]:
        """Admit all that wait for a model that has just been loaded, or has just failed to load."""
        return self._move_to_active([other for other in self.waiting if other.model is model])

    def next_model(self) -> M | None:
        """Return the model to load now: the first in the queue, once no request is active."""
        return self.waiting[0].model if self.waiting and not self.active else None

    def _move_to_active(self, admissions: list[Admission[M]]) -> list[Admission[M]]:
        self.waiting = [other for other in self.waiting if other not in admissions]
        self.active.update(admission for admission in admissions if not admission.load_only)
        return admissions
