"""ModelManager: which model is resident. Loads it in the background, tells how far it is, and answers through it.

The page is up long before: torch is imported by the loading thread, never by this module.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Protocol

from webui.engine.catalog import Choice, choose
from webui.engine.local import LocalEngine, Runner
from webui.errors import ModelLoadError
from webui.protocol import Delta, Engine, GenerationRequest, ModelInfo, ModelStatus, Progress, Usage

logger = logging.getLogger(__name__)

PROGRESS_EVERY_S = 0.5


class Loaded(Protocol):
    """What a load function returns."""

    @property
    def runner(self) -> Runner: ...
    @property
    def info(self) -> ModelInfo: ...
    @property
    def device(self) -> str: ...
    @property
    def memory_bytes(self) -> int: ...


Load = Callable[[Choice, str, int, int, Callable[[Progress], None]], Loaded]


def load_checkpoint(
    choice: Choice, device: str, slots: int, context: int, report: Callable[[Progress], None]
) -> Loaded:
    """The real load function."""
    from webui.engine.loader import load  # imports torch: only the loading thread pays for it

    return load(choice, device, slots, context, report)


def count_gpu_bytes() -> int:
    from webui.engine.loader import gpu_bytes  # imports torch, as above

    return gpu_bytes()


class ModelManager:
    """A Model. `load` and `gpu_bytes` are passed in by tests only."""

    def __init__(
        self,
        model: str,
        *,
        quantization: str,
        device: str,
        slots: int,
        context_length: int,
        bundled: Path,
        load: Load = load_checkpoint,
        gpu_bytes: Callable[[], int] = count_gpu_bytes,
    ) -> None:
        self._wanted = (model, quantization)
        self._device, self._slots, self._context_length = device, slots, context_length
        self._bundled = bundled
        self._load, self._gpu_bytes = load, gpu_bytes
        self._status = ModelStatus("loading", choose(model, quantization, 0, bundled).info)
        self._engine: Future[Engine] = Future()
        self._waiting: set[str] = set()
        self._thread = Thread(target=self._work, name="model-loader", daemon=True)

    def start(self) -> None:
        """Begin to load; returns at once."""
        self._thread.start()

    def status(self) -> ModelStatus:
        return self._status

    async def generate(self, request: GenerationRequest) -> AsyncIterator[Delta]:
        """Reports phase "loading" until there is an engine; raises ModelLoadError if there never will be."""
        engine = asyncio.wrap_future(self._engine)
        self._waiting.add(request.id)
        while not engine.done():
            if request.id not in self._waiting:
                yield Delta(finish_reason="abort", usage=Usage(0, 0))
                return
            yield Delta(progress=self._status.progress or Progress("loading"))
            # wait, not wait_for: the engine's future is everybody's and must survive one caller's end.
            await asyncio.wait([engine], timeout=PROGRESS_EVERY_S)
        self._waiting.discard(request.id)
        async for delta in engine.result().generate(request):
            yield delta

    def abort(self, request_id: str) -> None:
        self._waiting.discard(request_id)
        engine = self._loaded()
        if engine is not None:
            engine.abort(request_id)

    def answer_now(self, request_id: str) -> None:
        engine = self._loaded()
        if engine is not None:
            engine.answer_now(request_id)

    def close(self) -> None:
        engine = self._loaded()
        if engine is not None:
            engine.close()

    def _loaded(self) -> Engine | None:
        done = self._engine.done() and not self._engine.cancelled() and self._engine.exception() is None
        return self._engine.result() if done else None

    def _work(self) -> None:
        """On the loading thread: its failure becomes the state that the page shows, never the end of the page."""
        try:
            model, quantization = self._wanted
            gpu = 0 if self._device == "cpu" or model == "nano" else self._gpu_bytes()
            loaded = self._load_or_fall_back(choose(model, quantization, gpu, self._bundled))
            engine = LocalEngine(loaded.runner)
        except Exception as error:
            logger.exception("loading failed")
            name = self._status.info.name
            failure = error if isinstance(error, ModelLoadError) else ModelLoadError(model=name, reason=str(error))
            self._status = replace(self._status, state="failed", progress=None, reason=str(failure))
            self._engine.set_exception(failure)
            return
        self._status = ModelStatus(
            "ready", loaded.info, device=loaded.device, memory_bytes=loaded.memory_bytes, notice=self._status.notice
        )
        self._engine.set_result(engine)

    def _load_or_fall_back(self, choice: Choice) -> Loaded:
        """The chosen model, or the bundled one where nobody asked for that very model and it cannot be had."""
        self._status = ModelStatus("loading", choice.info, notice=choice.notice)
        try:
            return self._load(choice, self._device, self._slots, self._context_length, self._report)
        except ModelLoadError as error:
            if not choice.fallback:
                raise
            logger.warning("%s", error)
            bundled = choose("nano", "none", 0, self._bundled)
            self._status = ModelStatus("loading", bundled.info, notice=str(error))
            return self._load(bundled, self._device, self._slots, self._context_length, self._report)

    def _report(self, progress: Progress) -> None:
        self._status = replace(self._status, progress=progress)
