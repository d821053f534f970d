"""Puts it all together: settings -> model and media -> one FastAPI with the API and the page, on one port."""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import gradio as gr
import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from gradio.exceptions import ChecksumMismatchError, ShareCertificateWriteError
from gradio.networking import setup_tunnel

from webui.access.accounts import Accounts
from webui.access.body import STALL_S
from webui.access.gate import Gate
from webui.access.hosts import Hosts
from webui.access.page_gate import PageGate
from webui.access.sessions import Sessions
from webui.access.sign_in import sign_in_router
from webui.access.traffic import Traffic
from webui.access.uploads import Uploads, paths_in
from webui.access.visitors import Visitors, visitor_of
from webui.api.errors import add_error_handlers
from webui.api.health import health_router
from webui.api.openai import openai_router
from webui.engine.loading.interface import CheckpointLoader
from webui.engine.manager.model_manager import ModelManager
from webui.engine.planning.plan import PlanOptions
from webui.errors import ModelLoadError, SettingsError, WebUIError
from webui.media.reader import MediaReader, find_office
from webui.protocol import ModelProvider
from webui.restart import Restart
from webui.server import Server, listen
from webui.settings import Settings
from webui.ui.page import build_ui
from webui.ui.sign_in_page import sign_in_html
from webui.ui.theme import HEAD, STYLESHEET, theme

logger = logging.getLogger(__name__)

ASSETS = Path(__file__).resolve().parents[1] / "assets"
# What an answer's end may take to reach its client once the server stops; the page's own connections never end.
FAREWELL_S = 2
BASE64_RATIO = 4 / 3
PROMPT_BYTES = 4 * 1024**2
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def create_app(
    model: ModelProvider, reader: MediaReader, settings: Settings, *, stall_s: float = STALL_S
) -> FastAPI:
    """The whole server over one model and one reader; it closes both when it ends.

    `app.state` has its Hosts and its Traffic. `stall_s` is how long a body may keep the server waiting.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        reader.warm_up()
        yield
        model.close()
        reader.close()

    app = FastAPI(
        title="GLM-4.1V Thinking",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    visitors = Visitors(
        Accounts(settings.auth), embedded=settings.embedded, framed=bool(settings.allow_origin)
    )
    max_body_bytes = int(settings.limits.max_file_bytes * BASE64_RATIO) + PROMPT_BYTES
    add_error_handlers(app)
    app.include_router(health_router(model))
    app.include_router(openai_router(model, reader, visitors, max_body_bytes))
    app.include_router(sign_in_router(visitors, sign_in_html))
    page = build_ui(model, reader, examples=ASSETS / "examples")
    put_gates(app, visitors, Uploads(paths_in(page.config)), settings, stall_s)
    # Gradio then refuses paths outside the folder of uploads; mounting leaves that check off.
    page.has_launched = True
    return gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        footer_links=[],
        run_history=False,
        auth_dependency=user_of if settings.auth else None,
        max_file_size=settings.limits.max_file_bytes,
        mcp_server=False,
        theme=theme(),
        css_paths=STYLESHEET,
        head=HEAD,
    )


def put_gates(
    app: FastAPI, visitors: Visitors, uploads: Uploads, settings: Settings, stall_s: float
) -> None:
    """What every request passes, the last one first."""
    hosts, traffic = Hosts(names_of(settings), settings.allow_origin), Traffic()
    app.state.hosts, app.state.traffic = hosts, traffic
    app.add_middleware(
        PageGate, visitors=visitors, sessions=Sessions(), uploads=uploads, sign_in=sign_in_html
    )
    # Without one of Starlette's own, Gradio answers any origin with its name and credentials.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(hosts.origins),
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=bool(hosts.origins),
    )
    app.add_middleware(
        Gate,
        hosts=hosts,
        visitors=visitors,
        traffic=traffic,
        embedded=settings.embedded,
        stall_s=stall_s,
    )


def names_of(settings: Settings) -> list[str]:
    """The names under which people reach this server. A name of one word is the local network's to give."""
    machine = socket.gethostname().lower()
    return [settings.host, machine, f"{machine}.local", *settings.allow_host]


def user_of(request: Request) -> str | None:
    """Return the account behind a request for Gradio; None refuses it."""
    return visitor_of(request.scope).user or None


def main(argv: Sequence[str] | None = None) -> None:
    """Generation the demo until it is told to stop. What cannot be started is told in one line, exit status 2."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(is_no_cancellation)
    try:
        settings = Settings.from_args(argv)
        if settings.plan or settings.plan_for:
            print_plans(settings)
            return
        restart = Restart()
        model = make_model(settings, restart.ask)
        listener = listen(settings.host, settings.port)
    except (SettingsError, ModelLoadError) as error:
        sys.exit(told(error))
    reader = MediaReader(settings.limits, office=find_office())
    app = create_app(model, reader, settings)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=FAREWELL_S)
    host, port = listener.getsockname()[:2]
    address = f"http://{bracketed(EVERYWHERE.get(host, host))}:{port}"
    # What the page is made of stays for good: looking through it for garbage takes a tenth of a second each time.
    gc.collect()
    gc.freeze()
    model.start()
    if settings.share:
        Thread(
            target=share,
            args=(app.state.hosts, EVERYWHERE.get(host, host), port),
            name="share",
            daemon=True,
        ).start()
    print(f"Open {address}", flush=True)
    with suppress(KeyboardInterrupt):
        Server(config, app.state.traffic.idle, model.close, restart).run(sockets=[listener])
    if restart.wanted:
        restart.act()


def print_plans(settings: Settings) -> None:
    """What would run here or on another card. Imports torch. Raises ModelLoadError for a model that cannot be read."""
    from webui.engine.loading.plan_report import report_plans

    wishes = PlanOptions(
        settings.device, settings.quantization, settings.slots, settings.context_length
    )
    for line in report_plans(settings.model, wishes, settings.plan_for):
        print(line)


def make_model(settings: Settings, on_lost: Callable[[], None]) -> ModelManager:
    """Not started yet. `on_lost` is called when no model can be loaded any more. SettingsError if two models cannot be
    told apart."""
    return ModelManager(
        settings.model,
        quantization=settings.quantization,
        bundled=ASSETS / "glm4v-nano",
        loader=CheckpointLoader(settings.device, settings.slots, settings.context_length),
        idle_s=settings.idle_minutes * 60,
        on_lost=on_lost,
    )


def is_no_cancellation(record: logging.LogRecord) -> bool:
    """Open pages never hang up by themselves: that they are cut off at the end is no error to report."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def told(error: WebUIError) -> int:
    """One line for the person who started the program; returns the exit status."""
    print(error, file=sys.stderr)
    return 2


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def share(hosts: Hosts, host: str, port: int) -> None:
    """Open Gradio's tunnel, which lives as long as this process, and tell its address."""
    try:
        link = setup_tunnel(host, port, secrets.token_urlsafe(32), None, None)
    except (
        RuntimeError,
        OSError,
        ValueError,
        httpx.HTTPError,
        ChecksumMismatchError,
        ShareCertificateWriteError,
    ) as error:
        logger.warning("No public link: %s", error)
        return
    hosts.add(urlsplit(link).hostname or "")
    print(f"Public link: {link}", flush=True)
