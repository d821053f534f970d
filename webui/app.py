"""Puts it all together: settings -> model and media -> one FastAPI with the API and the page, on one port."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Thread

import gradio as gr
import httpx
import uvicorn
from fastapi import FastAPI
from gradio.exceptions import ChecksumMismatchError, ShareCertificateWriteError
from gradio.networking import setup_tunnel

from webui.api.access import Access
from webui.api.health import health_router
from webui.api.openai import openai_router
from webui.engine.loading import CheckpointLoader
from webui.engine.manager import ModelManager
from webui.errors import SettingsError
from webui.media.attachments import MediaReader, find_office
from webui.protocol import Model
from webui.settings import Settings
from webui.ui.blocks import build_ui
from webui.ui.look import HEAD, STYLESHEET, theme

logger = logging.getLogger(__name__)

ASSETS = Path(__file__).resolve().parents[1] / "assets"
# A client may still read its answer when the server is told to stop; the page's own connections never end.
GRACE_S = 2
BASE64_RATIO = 4 / 3
PROMPT_BYTES = 4 * 1024**2
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def create_app(model: Model, reader: MediaReader, settings: Settings) -> FastAPI:
    """The whole server over one model and one reader; it closes both when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        reader.warm_up()
        yield
        model.close()
        reader.close()

    app = FastAPI(title="GLM-4.1V Thinking", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    max_body_bytes = int(settings.limits.max_file_bytes * BASE64_RATIO) + PROMPT_BYTES
    app.include_router(health_router(model))
    app.include_router(openai_router(model, reader, Access(settings.auth), max_body_bytes))
    return gr.mount_gradio_app(
        app,
        build_ui(model, reader, examples=ASSETS / "examples"),
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        footer_links=[],
        run_history=False,
        auth=list(settings.auth) or None,
        max_file_size=settings.limits.max_file_bytes,
        mcp_server=False,
        theme=theme(),
        css_paths=STYLESHEET,
        head=HEAD,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the demo until it is told to stop. What cannot be started is told in one line, exit status 2."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(is_no_cancellation)
    try:
        settings = Settings.from_args(argv)
        model = make_model(settings)
        listener = listen(settings.host, settings.port)
    except SettingsError as error:
        sys.exit(told(error))
    reader = MediaReader(settings.limits, office=find_office())
    app = create_app(model, reader, settings)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACE_S)
    host, port = listener.getsockname()[:2]
    address = f"http://{bracketed(EVERYWHERE.get(host, host))}:{port}"
    model.start()
    if settings.share:
        Thread(target=share, args=(EVERYWHERE.get(host, host), port), name="share", daemon=True).start()
    print(f"Open {address}", flush=True)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def make_model(settings: Settings) -> ModelManager:
    """Not started yet. SettingsError if two models cannot be told apart."""
    return ModelManager(
        settings.model,
        quantization=settings.quantization,
        bundled=ASSETS / "glm4v-nano",
        loader=CheckpointLoader(settings.device, settings.slots, settings.context_length),
        idle_s=settings.idle_minutes * 60,
    )


def is_no_cancellation(record: logging.LogRecord) -> bool:
    """Open pages never hang up by themselves: that they are cut off at the end is no error to report."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def told(error: SettingsError) -> int:
    """One line for the person who started the program; returns the exit status."""
    print(error, file=sys.stderr)
    return 2


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; SettingsError if that address or port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (socket.gaierror, UnicodeError):
        raise SettingsError(name="--host", value=host, accepted="an address of this machine") from None
    except OSError as error:
        accepted = f"a port of {host} that is free and may be used ({error.strerror})"
        raise SettingsError(name="--port", value=port, accepted=accepted) from None


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def share(host: str, port: int) -> None:
    """Open Gradio's tunnel, which lives as long as this process, and tell its address."""
    try:
        print(f"Public link: {setup_tunnel(host, port, secrets.token_urlsafe(32), None, None)}", flush=True)
    except (
        RuntimeError,
        OSError,
        ValueError,
        httpx.HTTPError,
        ChecksumMismatchError,
        ShareCertificateWriteError,
    ) as error:
        logger.warning("No public link: %s", error)
