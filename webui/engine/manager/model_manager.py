"""ModelManager: the models that can be asked for, behind one engine. Tells how each is doing and waits for its turn.

The page is up long before: the loading is done by ModelThread's thread, and torch is imported by it alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
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
from webui.protocol import Delta, GenerationRequest, ModelStatus, Progress, Usage

PROGRESS_EVERY_S = 0.5
# A flood of requests for a model that cannot be loaded tries no more often than this.
RETRY_AFTER_S = 5.0
# So often a request is given to a new engine after the last one died of a pass in which it took part.
MOST_RETRIES = 1


class ModelManager:
    """A Model over `models`, each a name as `--model` takes it; the first is loaded at the start."""

    def __init__(
        self,
        models: Sequence[str],
        *,
        quantization: str,
        bundled: Path,
        loader: Loader,
        idle_s: float = 0,
        retry_after_s: float = RETRY_AFTER_S,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_lost` is called when a model whose engine died cannot be loaded again."""
        self._hosted = tuple(ModelEntry(model, quantization, bundled) for model in models)
        sources: dict[str, str] = {}
        for hosted in self._hosted:
            name, source = hosted.choice.info.name, hosted.choice.source
            if sources.setdefault(name, source) != source:
                raise SettingsError(
                    name="--model", value=",".join(models), accepted=f"one model called {name}"
                )
        self._hosted[0].loading()
        self._resident = ModelThread(self._hosted, loader, idle_s, retry_after_s, on_lost)
        self._waiting: set[str] = set()

    def start(self) -> None:
        """Begin to load the first model; returns at once."""
        self._resident.start()
        self.prepare("")

    def status(self, name: str = "") -> ModelStatus:
        return replace(self._find(name).status, served=self._resident.served)

    def statuses(self) -> tuple[ModelStatus, ...]:
        """Two names that turn out to mean the same model, such as auto and nano without a GPU, are told once."""
        by_name: dict[str, ModelStatus] = {}
        for hosted in self._hosted:
            by_name.setdefault(hosted.status.info.name, hosted.status)
        return tuple(replace(status, served=self._resident.served) for status in by_name.values())

    def prepare(self, name: str) -> None:
        self._resident.enter(Admission(self._find(name), errand=True))

    async def generate(self, request: GenerationRequest) -> AsyncIterator[Delta]:
        """Reports phase "loading" until it may enter; raises ModelLoadError if its model cannot be loaded.

        If the engine dies before anything of the answer was told, its replacement is asked: as often as need be by
        those who only waited, once and apart from others by those of whose pass it died.
        """
        request.sampling.check()
        self._waiting.add(request.id)
        begun, suspected, reason = False, 0, ""
        try:
            while not begun and suspected <= MOST_RETRIES:
                try:
                    asked = replace(request, alone=True) if suspected else request
                    async with aclosing(self._ask(asked, again=bool(reason))) as deltas:
                        async for delta in deltas:
                            begun = begun or bool(delta.reasoning or delta.content)
                            yield delta
                    return
                except EngineDiedError as death:
                    suspected += death.suspect
                    reason = str(death.params["reason"])
            raise EngineStoppedError(reason=reason)
        finally:
            self._waiting.discard(request.id)

    async def _ask(self, request: GenerationRequest, *, again: bool) -> AsyncGenerator[Delta]:
        """One engine, once it may enter."""
        ticket = Admission(self._find(request.model_name), again=again)
        self._resident.enter(ticket)
        try:
            async with aclosing(self._until_entered(ticket, request.id)) as waits:
                async for delta in waits:
                    yield delta
                    if delta.finish_reason:
                        return
            answer = cast("AsyncGenerator[Delta]", ticket.engine.result().generate(request))
            async with aclosing(answer) as deltas:
                async for delta in deltas:
                    yield delta
        finally:
            # The model may be unloaded from here on, and only what nobody refers to gives its memory back.
            ticket.engine = Future()
            self._resident.leave(ticket)

    async def _until_entered(
        self, ticket: Admission[ModelEntry], request_id: str
    ) -> AsyncGenerator[Delta]:
        """Ends once the ticket's future is set; its last delta says "abort" if the request was stopped before."""
        entered = asyncio.wrap_future(ticket.engine)
        try:
            while request_id in self._waiting and not entered.done():
                yield Delta(progress=ticket.model.status.progress or Progress("loading"))
                await asyncio.wait([entered], timeout=PROGRESS_EVERY_S)
            if request_id not in self._waiting:
                yield Delta(finish_reason="abort", usage=Usage(0, 0))
        finally:
            if not entered.cancel():
                entered.exception()  # raised by the ticket's own future: asked for here, or asyncio complains

    def abort(self, request_id: str) -> None:
        self._waiting.discard(request_id)
        engine = self._resident.engine
        if engine is not None:
            engine.abort(request_id)

    def answer_now(self, request_id: str) -> None:
        engine = self._resident.engine
        if engine is not None:
            engine.answer_now(request_id)

    def close(self) -> None:
        self._resident.close()

    def _find(self, name: str) -> ModelEntry:
        return next(
            (hosted for hosted in self._hosted if hosted.status.info.name == name), self._hosted[0]
        )
