"""Resident: the thread that keeps one model loaded at a time, swaps it for another, and unloads it when idle.

Tickets come in by a queue and are answered by their futures. It loads on its own thread, so that whoever comes
meanwhile is in the queue when it is done.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from queue import Empty, SimpleQueue
from threading import Thread

from webui.engine.hosted import Hosted
from webui.engine.line import Line, Ticket
from webui.engine.loading import Loaded, Loader
from webui.engine.local import LocalEngine
from webui.errors import EngineStoppedError, ModelLoadError, WebUIError
from webui.protocol import Engine

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Enter:
    ticket: Ticket[Hosted]


@dataclass(frozen=True, slots=True)
class Leave:
    ticket: Ticket[Hosted]


@dataclass(frozen=True, slots=True)
class Close:
    """Unload, tell everyone, end the thread."""


class Resident:
    """`idle_s` 0 keeps the model for ever. A model that failed to load is not tried again for `pause_s`."""

    def __init__(self, hosted: tuple[Hosted, ...], loader: Loader, idle_s: float, pause_s: float) -> None:
        self._hosted, self._loader, self._idle_s, self._pause_s = hosted, loader, idle_s, pause_s
        self._inbox: SimpleQueue[Enter | Leave | Close] = SimpleQueue()
        self._line: Line[Hosted] = Line()
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
            _tell(ticket, closed())

    def leave(self, ticket: Ticket[Hosted]) -> None:
        self._inbox.put(Leave(ticket))

    def close(self) -> None:
        """A load under way is not waited for: it ends with the process."""
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
        for ticket in self._line.waiting:
            _tell(ticket, closed())

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

    def _read(self, message: Enter | Leave | Close) -> None:
        if isinstance(message, Enter):
            self._take(message.ticket)
        elif isinstance(message, Leave):
            self._line.drop(message.ticket)
            self._used_at = time.monotonic()
        else:
            self._ending = True

    def _patience(self) -> float | None:
        """Seconds until the model has been idle for long enough; None while there is nothing to wait for."""
        if not self._idle_s or self._model is None or not self._line.idle:
            return None
        return max(self._used_at + self._idle_s - time.monotonic(), 0)

    def _take(self, ticket: Ticket[Hosted]) -> None:
        """Into the line, or away with it at once while its model is not to be tried again."""
        refusal = ticket.model.refusal(time.monotonic() - self._pause_s)
        if refusal is None:
            self._line.add(ticket)
        else:
            _tell(ticket, refusal)

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
                _tell(ticket, self.engine)
            else:
                _tell(ticket, ticket.model.refusal(-inf) or closed())
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
            return self._loader.load(wanted.choice, wanted.loading)
        except ModelLoadError as error:
            if not wanted.choice.fallback:
                raise
            logger.warning("%s", error)
            wanted.fall_back(error)
        return self._loader.load(wanted.choice, wanted.loading)

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


def _tell(ticket: Ticket[Hosted], outcome: Engine | WebUIError) -> None:
    """Whoever no longer waits has cancelled the future."""
    with suppress(InvalidStateError):
        if isinstance(outcome, WebUIError):
            ticket.engine.set_exception(outcome)
        else:
            ticket.engine.set_result(outcome)


def closed() -> EngineStoppedError:
    return EngineStoppedError(reason="it was closed")
