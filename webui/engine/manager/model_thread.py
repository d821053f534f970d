"""ModelThread: the thread that loads one model at a time, swaps it for another, and unloads it.

Admissions come in by a queue and are resolved through their futures. A request for an unloaded
model waits for the download, during which the loaded model keeps answering, and then for the swap.
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
from webui.engine.manager.downloads import DownloadResult, Downloads
from webui.engine.manager.model_entry import ModelEntry
from webui.engine.manager.model_queue import Admission, ModelQueue
from webui.engine.serving.engine_errors import EngineDeath, engine_closed_error, to_webui_error
from webui.errors import ModelLoadError
from webui.protocol import Engine

logger = logging.getLogger(__name__)

# The requests of an engine that died get this long to end. Until then they keep its memory in use.
RELEASE_TIMEOUT_S = 2.0


class ModelThread:
    """`idle_s`: unload a model after so long without a request; 0 keeps it for ever.

    A model that failed to load, or whose engine died, is not loaded again for `pause_s`.
    """

    def __init__(
        self,
        entries: tuple[ModelEntry, ...],
        loader: Loader,
        idle_s: float,
        pause_s: float,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._entries, self._loader, self._idle_s, self._pause_s = entries, loader, idle_s, pause_s
        self._inbox: SimpleQueue[ModelCommand] = SimpleQueue()
        self._queue: ModelQueue[ModelEntry] = ModelQueue()
        self._active = ActiveModel(
            loader, lambda number, death: self._inbox.put(EngineDied(number, death)), on_lost
        )
        self._downloads = Downloads(
            loader, lambda entry, result: self._inbox.put(DownloadDone(entry, result))
        )
        self._last_used_at = self._release_deadline = 0.0
        self._is_closed = self._is_ending = False
        # Whether any model has been ready since the start.
        self.has_served = False
        self._thread = Thread(target=self._run_thread, name="model-loader", daemon=True)

    @property
    def engine(self) -> Engine | None:
        """The engine of the loaded model."""
        return self._active.engine

    def start(self) -> None:
        self._thread.start()

    def enqueue(self, admission: Admission[ModelEntry]) -> None:
        """Have the admission resolved, now or once its model is loaded."""
        self._inbox.put(Enqueue(admission))
        # Checked after the command is in the inbox: a thread that ends meanwhile either resolves
        # the admission or has set the flag before.
        if self._is_closed:
            admission.resolve(engine_closed_error())

    def release(self, admission: Admission[ModelEntry]) -> None:
        """Report that the request of the admission has ended."""
        self._inbox.put(Release(admission))

    def close(self) -> None:
        """Unload and end the thread. A load or download in progress ends with the process."""
        self._is_closed = True
        self._inbox.put(Shutdown())
        if self._thread.is_alive() and not self._active.is_loading:
            self._thread.join()

    # Everything below runs on the model thread.

    def _run_thread(self) -> None:
        try:
            self._choose_models()
            while not self._is_ending:
                self._wait_for_command()
                self._serve_queue()
        finally:
            # However the thread ends, every waiting admission is resolved.
            self._is_closed = True
            with suppress(Empty):
                while True:
                    command = self._inbox.get_nowait()
                    if isinstance(command, Enqueue):
                        command.admission.resolve(engine_closed_error())
            for admission in (*self._queue.waiting, *self._downloads.waiting):
                admission.resolve(engine_closed_error())
            self._active.unload()

    def _choose_models(self) -> None:
        """Decide which model an entry means that depends on the GPU."""
        try:
            for entry in self._entries:
                if entry.depends_on_gpu:
                    entry.choose(self._loader.plan)
        except Exception:
            # The bundled model is the choice until now, and stays.
            logger.exception("cannot query the GPU")

    def _wait_for_command(self) -> None:
        """Wait for a command, or until something is due. Then handle all commands."""
        try:
            self._handle_command(self._inbox.get(timeout=self._seconds_to_wait()))
        except Empty:
            if self._active.entry is not None:
                self._active.unload()
            elif time.monotonic() >= self._release_deadline:
                self._queue.active.clear()
        self._handle_pending()

    def _seconds_to_wait(self) -> float | None:
        """Return the seconds until the model is to be unloaded or loaded; None: nothing is due."""
        now = time.monotonic()
        if self._active.entry is None:
            if self._queue.active:
                return max(self._release_deadline - now, 0)
            next_entry = self._queue.next_model()
            return None if next_entry is None else next_entry.seconds_to_reload(now)
        if not self._idle_s or not self._queue.is_idle:
            return None
        return max(self._last_used_at + self._idle_s - now, 0)

    def _handle_pending(self) -> None:
        """Handle the commands that have arrived."""
        with suppress(Empty):
            while True:
                self._handle_command(self._inbox.get_nowait())

    def _handle_command(self, command: ModelCommand) -> None:
        """Handle a command. An exception fails its admission, and the thread goes on."""
        try:
            self._dispatch(command)
        except Exception as error:
            logger.exception("the model thread cannot handle %s", type(command).__name__)
            if isinstance(command, Enqueue):
                self._remove_admission(command.admission)
                command.admission.resolve(to_webui_error(error))

    def _dispatch(self, command: ModelCommand) -> None:
        if isinstance(command, Enqueue):
            self._enqueue(command.admission)
        elif isinstance(command, Release):
            self._remove_admission(command.admission)
            self._last_used_at = time.monotonic()
        elif isinstance(command, DownloadDone):
            self._finish_download(command.entry, command.result)
        elif isinstance(command, EngineDied):
            self._replace_engine(command.load_number, command.death)
        else:
            self._is_ending = True

    def _enqueue(self, admission: Admission[ModelEntry]) -> None:
        """Queue the request, start a download for it, or reject it while its model is paused."""
        if admission.load_only:
            # Only the newest wish counts: trying out the menu brings one load, not five.
            for older in (*self._queue.waiting, *self._downloads.waiting):
                if older.load_only and not older.is_retry:
                    self._remove_admission(older)
        entry = admission.model
        failure = entry.failure_since(time.monotonic() - self._pause_s)
        if failure is not None:
            admission.resolve(failure)
        elif entry is self._active.entry or self._queue.is_waited_for(entry):
            self._queue.enqueue(admission)
        else:
            self._downloads.add_waiting(admission)

    def _remove_admission(self, admission: Admission[ModelEntry]) -> None:
        self._queue.remove_admission(admission)
        self._downloads.remove_waiting(admission)

    def _finish_download(self, entry: ModelEntry, result: DownloadResult) -> None:
        """Queue the admissions that waited for the files, or fail them."""
        if isinstance(result, ModelLoadError):
            self._handle_failed_download(entry, result)
            return
        entry.set_downloaded(result)
        for admission in self._downloads.finish_download(entry):
            self._queue.enqueue(admission)

    def _handle_failed_download(self, entry: ModelEntry, failure: ModelLoadError) -> None:
        """Download the bundled model instead if the choice allows it; otherwise fail the entry.

        The loaded model stays.
        """
        logger.warning("%s", failure)
        if entry.choice.fallback:
            entry.use_fallback(failure)
            self._downloads.start_download(entry)
            return
        entry.set_failed(failure, time.monotonic())
        for admission in self._downloads.finish_download(entry):
            admission.resolve(failure.copy())

    def _serve_queue(self) -> None:
        """Admit requests for the loaded model; once none is active, load the next model."""
        while not self._is_ending:
            if self._active.entry is not None:
                self._resolve_admissions(self._queue.admit_next(self._active.entry))
            entry = self._queue.next_model()
            if entry is None or entry.seconds_to_reload(time.monotonic()):
                return
            self._active.load(entry)
            self.has_served = self.has_served or self._active.entry is not None
            self._last_used_at = time.monotonic()
            # Requests that came while the model was loading are admitted with the others.
            self._handle_pending()
            if self._active.entry is entry or entry.failure is not None:
                self._resolve_admissions(self._queue.admit_all(entry))

    def _resolve_admissions(self, admissions: list[Admission[ModelEntry]]) -> None:
        """Give the admissions the engine, or the failure of their model if there is none."""
        for admission in admissions:
            if self.engine is not None:
                admission.resolve(self.engine)
            else:
                admission.resolve(admission.model.failure_since(-inf) or engine_closed_error())
                self._queue.remove_admission(admission)

    def _replace_engine(self, load_number: int, death: EngineDeath) -> None:
        """Have the model of a dead engine loaded again, once its requests have ended."""
        entry = self._active.entry
        if entry is None or load_number != self._active.load_count:
            return
        self._active.detach()
        now = time.monotonic()
        self._release_deadline = now + RELEASE_TIMEOUT_S
        is_reloaded = entry.record_death(
            death.reason, has_answered=death.has_answered, now=now, pause_s=self._pause_s
        )
        if is_reloaded:
            # Loaded even if no request waits, and before the models that others wait for.
            self._queue.enqueue(Admission(entry, load_only=True, is_retry=True))
        else:
            self._resolve_admissions(self._queue.admit_all(entry))
