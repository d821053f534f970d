"""A model as the demo serves it: its loader and manager, behind page and API on a free port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import ROOT
from bench.watch import greedy, watch
from webui.engine.loading.catalog import Choice
from webui.engine.loading.interface import CheckpointLoader, LoadedModel, OnDeath, Report
from webui.engine.manager.model_manager import ModelManager
from webui.engine.planning.needs import Needs
from webui.engine.planning.plan import Plan
from webui.protocol import Message, ModelStatus

NANO = ROOT / "assets" / "glm4v-nano"


@dataclass
class RecordingLoader:
    """The product's loader; `loaded` is what the last load returned."""

    inner: CheckpointLoader
    loaded: LoadedModel | None = None

    def plan(self, needs: Needs, quantization: str) -> Plan:
        return self.inner.plan(needs, quantization)

    def fetch(self, choice: Choice, report: Report) -> Path:
        return self.inner.fetch(choice, report)

    def load(self, choice: Choice, report: Report, on_death: OnDeath) -> LoadedModel:
        self.loaded = self.inner.load(choice, report, on_death)
        return self.loaded

    def free(self) -> None:
        self.inner.free()


@dataclass(frozen=True)
class ServedModel:
    """`runner` is the one of the loaded model, for parts that break it on purpose."""

    manager: ModelManager
    loader: RecordingLoader
    device: str

    @property
    def runner(self) -> Any:
        # The engine keeps it to itself; only these checks reach into it.
        return self.loader.loaded.engine._runner

    @property
    def status(self) -> ModelStatus:
        return self.manager.status()

    @property
    def small(self) -> bool:
        """True for the tiny model of a CPU, whose sizes say nothing about a card."""
        return self.device == "cpu"

    def warm_up(self, messages: tuple[Message, ...]) -> None:
        """Wait until the model is ready and has answered once. Raises ModelLoadError."""
        asyncio.run(watch(self.manager, greedy(messages, 2, "warm-up")))


@contextmanager
def served_model(
    folder: Path, device: str, slots: int = 0, context: int = 0
) -> Iterator[ServedModel]:
    loader = RecordingLoader(CheckpointLoader(device, slots, context))
    manager = ModelManager([str(folder)], quantization="auto", bundled=NANO, loader=loader)
    manager.start()
    try:
        yield ServedModel(manager, loader, device)
    finally:
        manager.close()


@contextmanager
def serve_on_loopback(manager: ModelManager) -> Iterator[str]:
    """Serve the page and the API over `manager` and yield their address. The manager stays open."""
    # Imported here: a machine without gradio can still run the other parts.
    import uvicorn

    from webui.app import create_app
    from webui.media.reader import MediaReader
    from webui.server import listen
    from webui.settings import Settings

    settings = Settings()

    async def build() -> Any:
        return create_app(KeptOpen(manager), MediaReader(settings.limits, office=None), settings)

    # Outside an event loop, Gradio makes one that it never closes.
    with ThreadPoolExecutor(1) as executor:
        app = executor.submit(asyncio.run, build()).result()
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class KeptOpen:
    """A manager that the end of one server does not close."""

    def __init__(self, manager: ModelManager) -> None:
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    def close(self) -> None:
        """Leave the manager to its owner."""
