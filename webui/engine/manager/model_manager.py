"""ModelManager: several models behind one engine, of which one is loaded at a time.

The models are loaded by ModelThread, the only thread that imports torch; the page is up before.
"""

from __future__ import annotations

import asyncio
from collections import abc
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import cast

from webui.engine.loading.interface import Loader
from webui.engine.manager.model_entry import ModelEntry
from webui.engine.manager.model_queue import Admission
from webui.engine.manager.model_thread import ModelThread
from webui.engine.serving.engine_errors import EngineDiedError
from webui.errors import EngineStoppedError, SettingsError
from webui.protocol import (
    Delta,
    FinishReason,
    GenerationRequest,
    ModelStatus,
    Progress,
    Usage,
)

PROGRESS_INTERVAL_S = 0.5
# A model that cannot be loaded is tried no more often than this, however many requests ask for it.
RETRY_AFTER_S = 5.0
# A request is given to another engine this often after an engine died of a pass with it.
MAX_RETRIES = 1


class ModelManager:
    """ModelProvider over `models`, names as `--model` takes them. The first is loaded at the start.

    `on_lost` is called when a model whose engine died cannot be loaded again.
    """

    def __init__(
        self,
        models: abc.Sequence[str],
        *,
        quantization: str,
        bundled: Path,
        loader: Loader,
        idle_s: float = 0,
        retry_after_s: float = RETRY_AFTER_S,
        on_lost: abc.Callable[[], None] = lambda: None,
    ) -> None:
        self._entries = tuple(ModelEntry(model, quantization, bundled) for model in models)
        sources: dict[str, str] = {}
        for entry in self._entries:
            name, source = entry.choice.info.name, entry.choice.source
            if sources.setdefault(name, source) != source:
                raise SettingsError(
                    name="--model", value=",".join(models), accepted=f"one model called {name}"
                )
        self._entries[0].set_loading()
        self._model_thread = ModelThread(self._entries, loader, idle_s, retry_after_s, on_lost)
        # The requests in `generate`, with the reason that `finish` was called with.
        self._finish_reasons: dict[str, FinishReason | None] = {}

    def start(self) -> None:
        """Begin to load the first model; return at once."""
        self._model_thread.start()
        self.prepare("")

    def status(self, name: str = "") -> ModelStatus:
        return replace(self._find_entry(name).status, served=self._model_thread.has_served)

    def statuses(self) -> tuple[ModelStatus, ...]:
        """Return the status of each model once: auto and nano are the same model without a GPU."""
        status_of: dict[str, ModelStatus] = {}
        for entry in self._entries:
            status_of.setdefault(entry.status.info.name, entry.status)
        has_served = self._model_thread.has_served
        return tuple(replace(status, served=has_served) for status in status_of.values())

    def prepare(self, name: str) -> None:
        self._model_thread.enqueue(Admission(self._find_entry(name), load_only=True))

    async def generate(self, request: GenerationRequest) -> abc.AsyncIterator[Delta]:
        """Report phase "loading" until the model is ready, then stream the answer.

        Raises ModelLoadError if the model cannot be loaded. If the engine dies before the answer
        has begun, the request is given to its replacement: as often as needed if it was only
        waiting, and once, apart from other requests, if it took part in the pass that failed.
        """
        request.sampling.check()
        self._finish_reasons[request.id] = None
        has_begun, suspicions, reason = False, 0, ""
        try:
            while not has_begun and suspicions <= MAX_RETRIES:
                admission = Admission(self._find_entry(request.model_name), is_retry=bool(reason))
                self._model_thread.enqueue(admission)
                try:
                    async with aclosing(self._wait_for_engine(admission, request.id)) as waiting:
                        async for delta in waiting:
                            yield delta
                            if delta.finish_reason:
                                return
                    attempt = replace(request, alone=True) if suspicions else request
                    answer = admission.engine.result().generate(attempt)
                    async with aclosing(cast("abc.AsyncGenerator[Delta]", answer)) as deltas:
                        async for delta in deltas:
                            has_begun = has_begun or bool(delta.reasoning or delta.content)
                            yield delta
                    return
                except EngineDiedError as error:
                    suspicions += error.suspect
                    reason = str(error.params["reason"])
                finally:
                    # From here on the model may be unloaded. Its memory is only given back once
                    # nothing refers to its engine.
                    admission.engine = Future()
                    self._model_thread.release(admission)
            raise EngineStoppedError(reason=reason)
        finally:
            self._finish_reasons.pop(request.id, None)

    async def _wait_for_engine(
        self, admission: Admission[ModelEntry], request_id: str
    ) -> abc.AsyncGenerator[Delta]:
        """Yield progress until the admission is resolved, or a last delta if the request ends."""
        resolved = asyncio.wrap_future(admission.engine)
        try:
            while not self._finish_reasons.get(request_id) and not resolved.done():
                yield Delta(progress=admission.model.status.progress or Progress("loading"))
                await asyncio.wait([resolved], timeout=PROGRESS_INTERVAL_S)
            if finish_reason := self._finish_reasons.get(request_id):
                yield Delta(finish_reason=finish_reason, usage=Usage(0, 0))
        finally:
            if not resolved.cancel():
                # The error is raised by the admission's own future. asyncio warns about errors
                # that are not retrieved from its futures.
                resolved.exception()

    def abort(self, request_id: str) -> None:
        self.finish(request_id, "abort")

    def finish(self, request_id: str, reason: FinishReason) -> None:
        if self._finish_reasons.get(request_id, reason) is None:
            self._finish_reasons[request_id] = reason
        engine = self._model_thread.engine
        if engine is not None:
            engine.finish(request_id, reason)

    def answer_now(self, request_id: str) -> None:
        engine = self._model_thread.engine
        if engine is not None:
            engine.answer_now(request_id)

    def close(self) -> None:
        self._model_thread.close()

    def _find_entry(self, name: str) -> ModelEntry:
        """Return the entry of that name; the first one for an unknown name and for ""."""
        for entry in self._entries:
            if entry.status.info.name == name:
                return entry
        return self._entries[0]
