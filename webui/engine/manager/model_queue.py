"""Who waits for which model, and who is being answered. Pure: knows no thread, no load and no clock.

One model is loaded at a time. Its requests enter together until somebody waits for another; from then on everyone new
waits behind that one, so that each model's turn comes.
"""

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
    """One request's place in the line; `engine` is set once it may enter.

    `errand`: it only wants the model loaded. `again`: it was inside when the engine died, and goes first.
    """

    model: M
    errand: bool = False
    again: bool = False
    engine: Future[Engine] = field(default_factory=Future)

    def tell(self, outcome: Engine | WebUIError) -> None:
        """It may enter, or why it may not. Whoever no longer waits has cancelled the future."""
        with suppress(InvalidStateError):
            if isinstance(outcome, WebUIError):
                self.engine.set_exception(outcome)
            else:
                self.engine.set_result(outcome)


class ModelQueue(Generic[M]):
    def __init__(self) -> None:
        self.waiting: list[Admission[M]] = []
        self.inside: set[Admission[M]] = set()

    @property
    def idle(self) -> bool:
        return not self.waiting and not self.inside

    def wants(self, model: M) -> bool:
        """Whether somebody waits for that model."""
        return any(ticket.model is model for ticket in self.waiting)

    def add(self, ticket: Admission[M]) -> None:
        place = sum(one.again for one in self.waiting) if ticket.again else len(self.waiting)
        self.waiting.insert(place, ticket)

    def drop(self, ticket: Admission[M]) -> None:
        """It has been answered, or waits no longer."""
        self.inside.discard(ticket)
        self.waiting = [one for one in self.waiting if one is not ticket]

    def enter(self, loaded: M) -> list[Admission[M]]:
        """Who may enter now: those before the first one who waits for another model."""
        return self._take(list(takewhile(lambda ticket: ticket.model is loaded, self.waiting)))

    def enter_all(self, model: M) -> list[Admission[M]]:
        """Everyone who waits for that model, wherever they stand: it has just been loaded, or has failed to."""
        return self._take([ticket for ticket in self.waiting if ticket.model is model])

    def next_model(self) -> M | None:
        """The model to load now: that of the first in the line, once nobody is inside."""
        return self.waiting[0].model if self.waiting and not self.inside else None

    def _take(self, tickets: list[Admission[M]]) -> list[Admission[M]]:
        self.waiting = [ticket for ticket in self.waiting if ticket not in tickets]
        self.inside.update(ticket for ticket in tickets if not ticket.errand)
        return tickets
