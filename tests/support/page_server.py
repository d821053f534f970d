"""The page on a free port, over an engine that sees colours, for tests in a real browser."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import uvicorn
from fakes import FakeEngine
from fastapi import FastAPI
from PIL import Image

from webui.app import create_app
from webui.media.reader import MediaReader, find_office
from webui.protocol import Delta, GenerationRequest, ImagePart, Progress, Usage, VideoPart
from webui.restart import Restart
from webui.server import Server, listen
from webui.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
EXACT = (
    "a < b, <div>hi</div>, List<int>, $x<y$ for $5\n\n```python\nif a < b:\n    print('<x>')\n```\n"
)


def colour_of(image: Image.Image) -> str:
    """Return which of red, green and blue the picture has most of."""
    red, green, blue = image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    return max(("red", red), ("green", green), ("blue", blue), key=lambda share: share[1])[0]


@dataclass
class SeeingEngine(FakeEngine):
    """Answers with the colour of the last picture; with its number to "which page".

    A question with "long" gets a thousand more words. While `may_answer` is cleared, the thought
    does not end.
    """

    step_s: float = 0.03
    may_answer: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def generate(self, request: GenerationRequest) -> AsyncIterator[Delta]:
        self.script = self.answer(request)
        stream = super().generate(request)
        async for delta in stream:
            if delta.content:
                await asyncio.to_thread(self.may_answer.wait)
            yield delta

    def answer(self, request: GenerationRequest) -> list[Delta]:
        question = request.messages[-1].text
        parts = [part for message in request.messages for part in message.parts]
        images = [part.image for part in parts if isinstance(part, ImagePart)]
        images += [part.frames[0] for part in parts if isinstance(part, VideoPart)]
        said = (
            EXACT
            if "exact" in question
            else f"I see {colour_of(images[-1])}."
            if images
            else "I see words only."
        )
        said = f"Page {len(images)} does." if "which page" in question else said
        words = [f"thought{index} " for index in range(15)]
        deltas = [Delta(progress=Progress("queued", 1)), Delta(progress=Progress("prefill", 5, 10))]
        deltas += [
            Delta(reasoning=word, progress=Progress("thinking", at, 999))
            for at, word in enumerate(words)
        ]
        answer = [said, *(f" word{index}" for index in range(1000 if "long" in question else 3))]
        deltas += [
            Delta(content=word, progress=Progress("answering", 15 + at, 999))
            for at, word in enumerate(answer)
        ]
        return [*deltas, Delta(finish_reason="stop", usage=Usage(10, 15 + len(answer), 15))]


@contextmanager
def serving(
    app: FastAPI, engine: FakeEngine | None = None, *, shutdown_s: int = 1, **options: float
) -> Iterator[str]:
    """Serve `app` in a thread and yield its address. At the end `engine` is closed.

    `options` are those of Server.
    """
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=shutdown_s)
    server = Server(
        config,
        app.state.traffic.wait_until_idle,
        engine.close if engine else lambda: None,
        Restart(),
        **options,
    )
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()


def page_app(engine: FakeEngine, *flags: str, **options: float) -> FastAPI:
    """Return the real server with real media; only the engine is a fake."""
    settings = Settings.from_args(flags, {})

    async def build() -> FastAPI:
        return create_app(
            engine, MediaReader(settings.limits, office=find_office()), settings, **options
        )

    # Outside an event loop, Gradio makes one that it never closes.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, build()).result()


@contextmanager
def launched(*arguments: str) -> Iterator[str]:
    """Start the demo as users do, in a process of its own; the address once its model is ready."""
    port = free_port()
    command = [sys.executable, str(ROOT / "launch.py"), "--port", str(port), *arguments]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}/"
        try:
            until_ready(process, address)
            yield address
        finally:
            process.terminate()


def until_ready(process: subprocess.Popen[bytes], address: str) -> None:
    while process.poll() is None:
        try:
            with urlopen(address + "health", timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"The demo ended with status {process.returncode}.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
