"""Clients for the API's tests: raw, official, and over a real socket."""

import asyncio
import logging
import socket
from base64 import b64encode
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO

import httpx
import openai
import uvicorn
from fakes import FakeEngine
from fastapi import FastAPI
from PIL import Image

from webui.access.login.accounts import Accounts
from webui.access.visitors import Visitors
from webui.api.errors import add_error_handlers
from webui.api.health import health_router
from webui.api.openai import openai_router
from webui.errors import DamagedFileError
from webui.protocol import FileLabel, ImagePart, ModelInfo

ASK = [{"role": "user", "content": "What is it?"}]
PATH = "/v1/chat/completions"
# How long a test waits for an event; generous, because a busy machine is no failure.
GUARD_S = 60


def picture_url(color="red", kind="png", side=8):
    file = BytesIO()
    Image.new("RGB", (side, side), color).save(file, kind)
    return f"data:image/{kind};base64,{b64encode(file.getvalue()).decode()}"


def ask_about(*urls):
    """Return the body of a request with one image for each URL."""
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"messages": [{"role": "user", "content": images}]}


@dataclass
class FakeReader:
    """Reads at once, or never if it is `stuck`. `began` and `cancelled` are set when it does so."""

    stuck: bool = False
    began: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    read: list[str] = field(default_factory=list)
    owners: set[str] = field(default_factory=set)

    async def load_image_bytes(
        self, data: bytes, name: str, info: ModelInfo, *, owner: str = ""
    ) -> ImagePart:
        self.read.append(name)
        self.owners.add(owner)
        self.began.set()
        if self.stuck:
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
        if not data:
            raise DamagedFileError(name=name)
        return ImagePart(Image.open(BytesIO(data)), FileLabel(name), name)


def make_app(engine, accounts=(), max_body_bytes=10_000_000, reader=None, **options):
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(health_router(engine))
    visitors = Visitors(Accounts(accounts))
    app.include_router(
        openai_router(engine, reader or FakeReader(), visitors, max_body_bytes, **options)
    )
    return app


@asynccontextmanager
async def http(engine, **settings):
    transport = httpx.ASGITransport(make_app(engine, **settings))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", timeout=GUARD_S
    ) as client:
        yield client


@asynccontextmanager
async def official(engine, key="none", **settings):
    async with http(engine, **settings) as transport:
        yield openai.AsyncOpenAI(
            base_url="http://test/v1", api_key=key, http_client=transport, max_retries=0
        )


@asynccontextmanager
async def served(engine, log=None, **settings):
    """A client over a real socket, which can disconnect. The server's log goes to handler `log`."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(make_app(engine, **settings), log_level="error"))
    if log is not None:
        logging.getLogger("uvicorn.error").addHandler(log)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=address, timeout=GUARD_S) as client:
        yield client
    server.should_exit = True
    await serving


async def refusal(body, status=400, engine=None):
    """Return the error of a request that is refused with `status`."""
    async with http(engine or FakeEngine()) as client:
        response = await client.post(PATH, json={"messages": ASK, **body})
    assert response.status_code == status
    return response.json()["error"]
