"""Resident: the thread that keeps one model loaded at a time, swaps it for another, and unloads it when idle.

Tickets come in by a queue and are answered by their futures. Whoever wants a model that is not there waits for its
files first, while the one that is there goes on answering; then for their turn. It loads on its own thread, so that
whoever comes meanwhile is in the queue when it is done.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from queue import Empty, SimpleQueue
from threading import Thread

from webui.engine.fetches import Fetches, Outcome
from webui.engine.hosted import Hosted
from webui.engine.line import Line, Ticket
from webui.engine.loading import Loaded, Loader
from webui.engine.local import LocalEngine
from webui.errors import EngineStoppedError, ModelLoadError
from webui.protocol import Engine

logger = logging.getLogger(__name__)


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
class Close:
    """Unload, tell everyone, end the thread."""


class Resident:
    """`idle_s` 0 keeps the model for ever. A model that failed to load is not tried again for `pause_s`."""

    def __init__(self, hosted: tuple[Hosted, ...], loader: Loader, idle_s: float, pause_s: float) -> None:
        self._hosted, self._loader, self._idle_s, self._pause_s = hosted, loader, idle_s, pause_s
        self._inbox: SimpleQueue[Enter | Leave | Fetched | Close] = SimpleQueue()
        self._line: Line[Hosted] = Line()
        self._fetches = Fetches(loader, lambda model, outcome: self._inbox.put(Fetched(model, outcome)))
        self._model: Hosted | None = None
        self._used_at = 0.0
        self._busy_loading = False
        self._closed = self._ending = False
        self.engine: Engine | None = None
        self.served = False
        self._thread = Thread(target=self._work, name="model-loader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def enter(self, ticket: Ticket[Hosted]) -> None:
        self._inbox.put(Enter(ticket))
        if self._closed:
            ticket.tell(closed())

    def leave(self, ticket: Ticket[Hosted]) -> None:
        self._inbox.put(Leave(ticket))

    def close(self) -> None:
        """A load or a fetch under way is not waited for: it ends with the process."""
        self._closed = True
        self._inbox.put(Close())
        if self._thread.is_alive() and not self._busy_loading:
            self._thread.join()

    # Everything below runs on the loading thread.

    def _work(self) -> None:
        self._choose()
        while not self._ending:
            self._wait()
            self._serve()
        self._unload()
        for ticket in (*self._line.waiting, *self._fetches.waiting):
            ticket.tell(closed())

    def _choose(self) -> None:
        if not any(hosted.depends_on_gpu for hosted in self._hosted):
            return
        try:
            gpu_bytes = self._loader.gpu_bytes()
        except Exception:
            logger.exception("the GPU cannot be asked")
            gpu_bytes = 0
        for hosted in self._hosted:
            hosted.choose(gpu_bytes)

    def _wait(self) -> None:
        """Until something happens; unload if nothing does for long enough."""
        try:
            self._read(self._inbox.get(timeout=self._patience()))
        except Empty:
            self._unload()
        self._read_inbox()

    def _read_inbox(self) -> None:
        """Take in all that has arrived."""
        with suppress(Empty):
            while True:
                self._read(self._inbox.get_nowait())

    def _read(self, message: Enter | Leave | Fetched | Close) -> None:
        if isinstance(message, Enter):
            self._take(message.ticket)
        elif isinstance(message, Leave):
            self._drop(message.ticket)
            self._used_at = time.monotonic()
        elif isinstance(message, Fetched):
            self._fetched(message.model, message.outcome)
        else:
            self._ending = True

    def _patience(self) -> float | None:
        """Seconds until the model has been idle for long enough; None while there is nothing to wait for."""
        if not self._idle_s or self._model is None or not self._line.idle:
            return None
        return max(self._used_at + self._idle_s - time.monotonic(), 0)

    def _take(self, ticket: Ticket[Hosted]) -> None:
        """Into the line, or first to the files, or away with it while its model is not to be tried again."""
        if ticket.errand:
            # Only the newest counts: somebody who tries the menu out brings one load, not five.
            for older in [one for one in (*self._line.waiting, *self._fetches.waiting) if one.errand]:
                self._drop(older)
        refusal = ticket.model.refusal(time.monotonic() - self._pause_s)
        if refusal is not None:
            ticket.tell(refusal)
        elif ticket.model is self._model or self._line.wants(ticket.model):
            self._line.add(ticket)
        else:
            self._fetches.add(ticket)

    def _drop(self, ticket: Ticket[Hosted]) -> None:
        self._line.drop(ticket)
        self._fetches.drop(ticket)

    def _fetched(self, model: Hosted, outcome: Outcome) -> None:
        """The files are there, and who waited for them stands in line; or they cannot be had."""
        if isinstance(outcome, ModelLoadError):
            self._do_without(model, outcome)
            return
        model.fetched(outcome)
        for ticket in self._fetches.end(model):
            self._line.add(ticket)

    def _do_without(self, model: Hosted, failure: ModelLoadError) -> None:
        """What is loaded stays. Where the bundled model may step in, its files are fetched instead."""
        logger.warning("%s", failure)
        if model.choice.fallback:
            model.fall_back(failure)
            self._fetches.start(model)
            return
        model.failed(failure, time.monotonic())
        for ticket in self._fetches.end(model):
            ticket.tell(ModelLoadError(**failure.params))

    def _serve(self) -> None:
        """Let in who wants the model that is there; once nobody is inside, bring the next one."""
        while not self._ending:
            if self._model is not None:
                self._admit(self._line.enter(self._model))
            wanted = self._line.next_model()
            if wanted is None:
                return
            self._swap(wanted)
            self._read_inbox()  # whoever came while it loaded enters with the others
            self._admit(self._line.enter_all(wanted))

    def _admit(self, tickets: list[Ticket[Hosted]]) -> None:
        for ticket in tickets:
            if self.engine is not None:
                ticket.tell(self.engine)
            else:
                ticket.tell(ticket.model.refusal(-inf) or closed())
                self._line.drop(ticket)

    def _swap(self, wanted: Hosted) -> None:
        """Afterwards the wanted model is there, or no model and a failure that tells why."""
        self._unload()
        wanted.loading()
        self._busy_loading = True
        try:
            loaded = self._load(wanted)
            self.engine = LocalEngine(loaded.runner)
        except Exception as error:
            logger.warning("loading failed: %s", error, exc_info=not isinstance(error, ModelLoadError))
            # Without its traceback, whose frames hold on to what was half loaded.
            reason = error.params["reason"] if isinstance(error, ModelLoadError) else f"{type(error).__name__}: {error}"
            wanted.failed(ModelLoadError(model=wanted.status.info.name, reason=reason), time.monotonic())
        else:
            wanted.ready(loaded)
            self._model, self.served = wanted, True
        self._busy_loading = False
        self._used_at = time.monotonic()
        if self._model is None:
            self._loader.free()

    def _load(self, wanted: Hosted) -> Loaded:
        """The chosen model, or the bundled one where nobody asked for that very model and it cannot be had."""
        try:
            return self._loader.load(wanted.at_hand, wanted.loading)
        except ModelLoadError as error:
            if not wanted.choice.fallback:
                raise
            logger.warning("%s", error)
            wanted.fall_back(error)
        return self._loader.load(wanted.at_hand, wanted.loading)

    def _unload(self) -> None:
        if self.engine is None or self._model is None:
            return
        logger.info("unloading %s", self._model.status.info.name)
        engine, self.engine = self.engine, None
        engine.close()
        self._model.unloaded()
        self._model = None
        del engine
        self._loader.free()


def closed() -> EngineStoppedError:
    return EngineStoppedError(reason="it was closed")
