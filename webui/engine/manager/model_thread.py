"""ModelThread: the thread that keeps one model loaded at a time, swaps it for another, and unloads it when idle.

Tickets come in by a queue and are answered by their futures. Whoever wants a model that is not there waits for its
files first, while the one that is there goes on answering; then for their turn. It loads on its own thread, so that
whoever comes meanwhile is in the queue when it is done.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from threading import Thread

from webui.engine.loading.interface import Loader
from webui.engine.manager.active_model import ActiveModel
from webui.engine.manager.commands import (
    DownloadDone,
    EngineDied,
    Enqueue,
    ModelCommand,
    Release,
    Shutdown,
)
from webui.engine.manager.downloads import Downloads, Outcome
from webui.engine.manager.model_entry import ModelEntry
from webui.engine.manager.model_queue import Admission, ModelQueue
from webui.engine.serving.engine import EngineDeath
from webui.engine.serving.engine_errors import engine_closed_error, to_webui_error
from webui.errors import ModelLoadError
from webui.protocol import Engine

logger = logging.getLogger(__name__)

# So long at most the requests of an engine that died are waited for. Until they leave they hold on to its memory.
LEAVE_S = 2.0


class ModelThread:
    """`idle_s` 0 keeps the model for ever. A model that failed to load, or whose engine died, is not loaded again for
    `pause_s`."""

    def __init__(
        self,
        hosted: tuple[ModelEntry, ...],
        loader: Loader,
        idle_s: float,
        pause_s: float,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._hosted, self._loader, self._idle_s, self._pause_s = hosted, loader, idle_s, pause_s
        self._inbox: SimpleQueue[ModelCommand] = SimpleQueue()
        self._line: ModelQueue[ModelEntry] = ModelQueue()
        self._seat = ActiveModel(loader, self._died, on_lost)
        self._fetches = Downloads(
            loader, lambda model, outcome: self._inbox.put(DownloadDone(model, outcome))
        )
        self._used_at = self._leave_by = 0.0
        self._closed = self._ending = False
        self.served = False
        self._thread = Thread(target=self._work, name="model-loader", daemon=True)

    @property
    def engine(self) -> Engine | None:
        """The one that is there."""
        return self._seat.engine

    def start(self) -> None:
        self._thread.start()

    def enter(self, ticket: Admission[ModelEntry]) -> None:
        self._inbox.put(Enqueue(ticket))
        if self._closed:
            ticket.tell(engine_closed_error())

    def leave(self, ticket: Admission[ModelEntry]) -> None:
        self._inbox.put(Release(ticket))

    def close(self) -> None:
        """A load or a fetch under way is not waited for: it ends with the process."""
        self._closed = True
        self._inbox.put(Shutdown())
        if self._thread.is_alive() and not self._seat.busy:
            self._thread.join()

    def _died(self, number: int, death: EngineDeath) -> None:
        """On the thread of the engine that was loaded as that number."""
        self._inbox.put(EngineDied(number, death))

    # Everything below runs on the loading thread.

    def _work(self) -> None:
        try:
            self._choose()
            while not self._ending:
                self._wait()
                self._serve()
        finally:
            # However the thread ends, every waiting ticket gets an answer.
            self._closed = True
            with suppress(Empty):
                while True:
                    letter = self._inbox.get_nowait()
                    if isinstance(letter, Enqueue):
                        letter.ticket.tell(engine_closed_error())
            for ticket in (*self._line.waiting, *self._fetches.waiting):
                ticket.tell(engine_closed_error())
            self._seat.unload()

    def _choose(self) -> None:
        try:
            for hosted in self._hosted:
                if hosted.depends_on_gpu:
                    hosted.choose(self._loader.plan)
        except Exception:
            # The bundled model was chosen before, and stays.
            logger.exception("the GPU cannot be asked")

    def _wait(self) -> None:
        """Until something happens or is due; unload if nothing happens for long enough."""
        try:
            self._handle(self._inbox.get(timeout=self._patience()))
        except Empty:
            if self._seat.model is not None:
                self._seat.unload()
            elif time.monotonic() >= self._leave_by:
                self._line.inside.clear()
        self._read_inbox()

    def _read_inbox(self) -> None:
        """Take in all that has arrived."""
        with suppress(Empty):
            while True:
                self._handle(self._inbox.get_nowait())

    def _handle(self, message: ModelCommand) -> None:
        """Handle a message; an exception fails its ticket, and the thread goes on."""
        try:
            self._read(message)
        except Exception as error:
            logger.exception("the loading thread failed")
            if isinstance(message, Enqueue):
                self._drop(message.ticket)
                message.ticket.tell(to_webui_error(error))

    def _read(self, message: ModelCommand) -> None:
        if isinstance(message, Enqueue):
            self._take(message.ticket)
        elif isinstance(message, Release):
            self._drop(message.ticket)
            self._used_at = time.monotonic()
        elif isinstance(message, DownloadDone):
            self._fetched(message.model, message.outcome)
        elif isinstance(message, EngineDied):
            self._bury(message.number, message.death)
        else:
            self._ending = True

    def _patience(self) -> float | None:
        """Seconds until the model has been idle for long enough, or a load is due; None while neither is to come."""
        now = time.monotonic()
        if self._seat.model is None and self._line.inside:
            return max(self._leave_by - now, 0)
        if self._seat.model is None:
            wanted = self._line.next_model()
            return None if wanted is None else wanted.rest(now)
        if not self._idle_s or not self._line.idle:
            return None
        return max(self._used_at + self._idle_s - now, 0)

    def _take(self, ticket: Admission[ModelEntry]) -> None:
        """Into the line, or first to the files, or away with it while its model is not to be tried again."""
        if ticket.errand:
            # Only the newest counts: somebody who tries the menu out brings one load, not five.
            for older in (*self._line.waiting, *self._fetches.waiting):
                if older.errand and not older.again:
                    self._drop(older)
        refusal = ticket.model.refusal(time.monotonic() - self._pause_s)
        if refusal is not None:
            ticket.tell(refusal)
        elif ticket.model is self._seat.model or self._line.wants(ticket.model):
            self._line.add(ticket)
        else:
            self._fetches.add(ticket)

    def _drop(self, ticket: Admission[ModelEntry]) -> None:
        self._line.drop(ticket)
        self._fetches.drop(ticket)

    def _fetched(self, model: ModelEntry, outcome: Outcome) -> None:
        """The files are there, and who waited for them stands in line; or they cannot be had."""
        if isinstance(outcome, ModelLoadError):
            self._do_without(model, outcome)
            return
        model.fetched(outcome)
        for ticket in self._fetches.end(model):
            self._line.add(ticket)

    def _do_without(self, model: ModelEntry, failure: ModelLoadError) -> None:
        """What is loaded stays. Where the bundled model may step in, its files are fetched instead."""
        logger.warning("%s", failure)
        if model.choice.fallback:
            model.fall_back(failure)
            self._fetches.start(model)
            return
        model.failed(failure, time.monotonic())
        for ticket in self._fetches.end(model):
            ticket.tell(failure.copy())

    def _serve(self) -> None:
        """Let in who wants the model that is there; once nobody is inside, bring the next one."""
        while not self._ending:
            if self._seat.model is not None:
                self._admit(self._line.enter(self._seat.model))
            wanted = self._line.next_model()
            if wanted is None or wanted.rest(time.monotonic()):
                return
            self._seat.load(wanted)
            self.served = self.served or self._seat.model is not None
            self._used_at = time.monotonic()
            self._read_inbox()  # whoever came while it loaded enters with the others
            if self._seat.model is wanted or wanted.failure is not None:
                self._admit(self._line.enter_all(wanted))

    def _admit(self, tickets: list[Admission[ModelEntry]]) -> None:
        for ticket in tickets:
            if self.engine is not None:
                ticket.tell(self.engine)
            else:
                ticket.tell(ticket.model.refusal(-inf) or engine_closed_error())
                self._line.drop(ticket)

    def _bury(self, number: int, death: EngineDeath) -> None:
        """The engine can go on no more: its model is loaded anew once its requests have left."""
        model = self._seat.model
        if model is None or number != self._seat.loads:
            return
        self._seat.leave()
        now = time.monotonic()
        self._leave_by = now + LEAVE_S
        if model.died(death.reason, answered=death.has_answered, now=now, pause_s=self._pause_s):
            self._line.add(Admission(model, errand=True, again=True))
        else:
            self._admit(self._line.enter_all(model))
