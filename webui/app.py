"""Build the application and run it: settings, model and media, API and page, on one port."""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import socket
import sys
import time
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
from fastapi.responses import FileResponse
from gradio.exceptions import ChecksumMismatchError, ShareCertificateWriteError
from gradio.networking import setup_tunnel
from gradio.utils import get_upload_folder

from webui import __version__
from webui.access.body import STALL_S
from webui.access.gate import Gate
from webui.access.hosts import Hosts
from webui.access.login.accounts import Accounts
from webui.access.login.secret_file import load_secret
from webui.access.page_gate import PageGate
from webui.access.sessions import Sessions
from webui.access.sign_in import sign_in_router
from webui.access.traffic import Traffic
from webui.access.upload_quota import UploadQuota
from webui.access.uploads import Uploads, file_paths
from webui.access.visitors import Visitors, visitor_of
from webui.api.errors import add_error_handlers
from webui.api.health import health_router
from webui.api.openai import openai_router
from webui.compression import Compression
from webui.engine.loading.interface import CheckpointLoader
from webui.engine.manager.model_manager import ModelManager
from webui.engine.planning.plan import PlanOptions
from webui.errors import ModelLoadError, SettingsError
from webui.media.reader import MediaReader, find_office
from webui.protocol import ModelProvider
from webui.restart import Restart
from webui.run_folder import RunFolder
from webui.server import Server, listen
from webui.settings import Settings
from webui.ui.early_script import EarlyScript
from webui.ui.i18n.strings import error_text
from webui.ui.page import build_ui
from webui.ui.sign_in_page import sign_in_html
from webui.ui.theme import HEAD, PREFERENCES_SCRIPT, SCRIPT, STYLESHEET, theme

logger = logging.getLogger(__name__)

ASSETS = Path(__file__).resolve().parents[1] / "assets"
# How long uvicorn waits for the last events of answers to reach their clients after a shutdown.
# The page's own connections never end.
SHUTDOWN_TIMEOUT_S = 2
BASE64_RATIO = 4 / 3
PROMPT_BYTES = 4 * 1024**2
# Where a browser on this machine reaches a server that listens at all addresses.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def create_app(
    provider: ModelProvider,
    reader: MediaReader,
    settings: Settings,
    *,
    login_secret: bytes | None = None,
    stall_s: float = STALL_S,
    clock: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """Return the whole server. It closes `provider` and `reader` when it shuts down.

    `app.state` has its Hosts and its Traffic. `login_secret` verifies the logins of earlier
    processes. `stall_s` bounds the wait for a request's body; `clock` measures the wait after wrong
    passwords.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        reader.warm_up()
        yield
        provider.close()
        reader.close()

    app = FastAPI(
        title="GLM-4.1V Thinking",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    accounts = Accounts(settings.auth, clock)
    visitors = Visitors(
        accounts,
        secret=login_secret,
        embedded=settings.embedded,
        framed=bool(settings.allow_origin),
    )
    max_body_bytes = int(settings.limits.max_file_bytes * BASE64_RATIO) + PROMPT_BYTES
    add_error_handlers(app)
    app.include_router(health_router(provider))
    app.include_router(openai_router(provider, reader, visitors, max_body_bytes))
    app.include_router(sign_in_router(visitors, sign_in_html))
    app.add_api_route(f"/{SCRIPT.name}", lambda: FileResponse(SCRIPT), methods=["GET", "HEAD"])
    page = build_ui(provider, reader, examples=ASSETS / "examples")
    add_gates(app, visitors, Uploads(file_paths(page.config)), settings, stall_s)
    return mount_page(app, page, settings)


def mount_page(app: FastAPI, page: gr.Blocks, settings: Settings) -> FastAPI:
    # Makes Gradio refuse paths outside its upload folder; mounting alone leaves that check off.
    page.has_launched = True
    return gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        footer_links=[],
        run_history=False,
        auth_dependency=account_of if settings.auth else None,
        max_file_size=settings.limits.max_file_bytes,
        mcp_server=False,
        theme=theme(),
        css_paths=STYLESHEET,
        head=HEAD,
        # Each update of a card reads its picture again, which Gradio refuses outside the working
        # directory. What a browser may fetch is decided by PageGate.
        allowed_paths=[str(ASSETS / "examples")],
    )


def add_gates(
    app: FastAPI, visitors: Visitors, uploads: Uploads, settings: Settings, stall_s: float
) -> None:
    """Add the middleware. Requests pass it from the last to the first."""
    hosts, traffic = Hosts(host_names(settings), settings.allow_origin), Traffic()
    app.state.hosts, app.state.traffic = hosts, traffic
    quota = UploadQuota(
        Path(get_upload_folder()), settings.max_visitor_upload_mb, settings.max_total_upload_mb
    )
    app.add_middleware(EarlyScript, script=PREFERENCES_SCRIPT.read_text("utf-8"))
    app.add_middleware(
        PageGate,
        visitors=visitors,
        sessions=Sessions(),
        uploads=uploads,
        quota=quota,
        sign_in=sign_in_html,
        explain=error_text,
    )
    # Without Starlette's, Gradio's own CORS middleware allows every origin with credentials.
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
    # Outermost: the gates inside add headers, and PageGate reads the reply to an upload.
    app.add_middleware(Compression)


def host_names(settings: Settings) -> list[str]:
    """Return the names of this server. Names without a dot are resolved by the local network."""
    machine = socket.gethostname().lower()
    return [settings.host, machine, f"{machine}.local", *settings.allow_host]


def account_of(request: Request) -> str | None:
    """Return the account of a request for Gradio, which refuses the request if it is None."""
    return visitor_of(request.scope).user or None


def main(argv: Sequence[str] | None = None) -> None:
    """Run the server until it is stopped. A start that fails prints one line and exits with 2."""
    configure_logging()
    try:
        settings = Settings.from_args(argv)
        if settings.plan or settings.plan_for:
            print_plans(settings)
            return
        restart = Restart()
        provider = make_provider(settings, restart.request)
        listener = listen(settings.host, settings.port)
        with RunFolder(settings.temp_folder) as folder:
            run_server(settings, provider, listener, restart, folder.path)
    except (SettingsError, ModelLoadError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    if restart.requested:
        restart.execute()


def configure_logging() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(is_not_cancellation)


def is_not_cancellation(record: logging.LogRecord) -> bool:
    """Filter out cancelled connections: pages that are open at a shutdown are no error."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def run_server(
    settings: Settings,
    provider: ModelManager,
    listener: socket.socket,
    restart: Restart,
    temp_folder: Path,
) -> None:
    """Serve until a signal or a restart request."""
    reader = MediaReader(settings.limits, office=find_office(), temp_folder=temp_folder)
    secret = load_secret(Path(settings.state_folder)) if settings.auth else None
    app = create_app(provider, reader, settings, login_secret=secret)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S)
    host, port = listener.getsockname()[:2]
    local_host = LOOPBACK.get(host, host)
    # The objects of the page live as long as the process; each garbage collection over them would
    # take a tenth of a second.
    gc.collect()
    gc.freeze()
    provider.start()
    if settings.share:
        tunnel = (app.state.hosts, local_host, port)
        Thread(target=open_tunnel, args=tunnel, name="share", daemon=True).start()
    print(f"Open http://{url_host(local_host)}:{port}", flush=True)
    server = Server(config, app.state.traffic.wait_until_idle, provider.close, restart)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def print_plans(settings: Settings) -> None:
    """Print what would run on this machine or on another GPU. Imports torch.

    Raises ModelLoadError for a model whose configuration cannot be read.
    """
    from webui.engine.loading.plan_report import report_plans

    options = PlanOptions(
        settings.device, settings.quantization, settings.slots, settings.context_length
    )
    for line in report_plans(settings.models, options, settings.plan_for):
        print(line)


def make_provider(settings: Settings, on_lost: Callable[[], None]) -> ModelManager:
    """Return the models of the settings, not started yet.

    `on_lost` is called when no model can be loaded any more. Raises SettingsError if two models
    have the same name.
    """
    return ModelManager(
        settings.models,
        quantization=settings.quantization,
        bundled=ASSETS / "glm4v-nano",
        loader=CheckpointLoader(settings.device, settings.slots, settings.context_length),
        idle_s=settings.idle_minutes * 60,
        on_lost=on_lost,
    )


def url_host(host: str) -> str:
    """Return the host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def open_tunnel(hosts: Hosts, host: str, port: int) -> None:
    """Open Gradio's tunnel, which lives as long as this process, and print its address."""
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
