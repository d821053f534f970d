"""Clients for the API's tests: raw, official, and one that can hang up."""

import asyncio
import socket
from contextlib import asynccontextmanager
from io import BytesIO

import httpx
import openai
import uvicorn
from fakes import FakeEngine
from fastapi import FastAPI
from PIL import Image

from webui.access.accounts import Accounts
from webui.access.visitors import Visitors
from webui.api.health import health_router
from webui.api.openai import openai_router
from webui.errors import DamagedFileError
from webui.protocol import ImagePart, ModelInfo

ASK = [{"role": "user", "content": "What is it?"}]
PATH = "/v1/chat/completions"


class FakeReader:
    async def load_image_bytes(self, data: bytes, name: str, info: ModelInfo) -> ImagePart:
        if not data:
            raise DamagedFileError(name=name)
        return ImagePart(Image.open(BytesIO(data)), name, name)


def make_app(engine, accounts=(), most=1_000_000):
    app = FastAPI()
    app.include_router(health_router(engine))
    app.include_router(openai_router(engine, FakeReader(), Visitors(Accounts(accounts)), most))
    return app


@asynccontextmanager
async def http(engine, **settings):
    transport = httpx.ASGITransport(make_app(engine, **settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@asynccontextmanager
async def official(engine, key="none", **settings):
    async with http(engine, **settings) as transport:
        yield openai.AsyncOpenAI(base_url="http://test/v1", api_key=key, http_client=transport, max_retries=0)


@asynccontextmanager
async def served(engine):
    """Over a real socket, so that a client can hang up."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(make_app(engine), log_level="error"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
        yield client
    server.should_exit = True
    await serving


async def refusal(body, status=400, engine=None):
    async with http(engine or FakeEngine()) as client:
        response = await client.post(PATH, json={"messages": ASK, **body})
    assert response.status_code == status
    return response.json()["error"]
