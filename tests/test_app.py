"""The server as one: the page, the API and their key on one port; how it starts, and what it tells when it cannot."""

import os
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fakes import FakeEngine

from webui.app import create_app
from webui.errors import SettingsError
from webui.media.reader import MediaReader
from webui.server import listen
from webui.settings import Settings

ROOT = Path(__file__).parents[1]


@asynccontextmanager
async def client_of(engine, *flags):
    settings = Settings.from_args(flags, {})
    app = create_app(engine, MediaReader(settings.limits, office=None), settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield client


def python(*arguments, **environ):
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60
    )


async def test_page_and_api_share_one_port():
    engine = FakeEngine()
    async with client_of(engine) as client:
        page, config, models = [await client.get(path) for path in ("/", "/config", "/v1/models")]
    assert "GLM-4.1V" in page.text
    assert config.json()["components"]
    assert models.json()["data"][0]["id"] == "fake"
    assert engine.closed


async def test_accounts_protect_page_and_api_but_not_health():
    async with client_of(FakeEngine(), "--auth", "ann:secret") as client:
        statuses = [
            (await client.get(path)).status_code for path in ("/config", "/v1/models", "/health")
        ]
        assert statuses == [401, 401, 200]
        await client.post("/login", data={"username": "ann", "password": "secret"})
        assert (await client.get("/config")).status_code == 200


def test_the_page_is_built_before_torch_is_imported():
    code = (
        "import sys; sys.path.insert(0, 'tests/support')\n"
        "from fakes import FakeEngine\n"
        "from webui.app import MediaReader, Settings, create_app\n"
        "settings = Settings()\n"
        "create_app(FakeEngine(), MediaReader(settings.limits, office=None), settings)\n"
        "print({'torch', 'transformers', 'pymupdf', 'decord', 'av', 'pptx'} & set(sys.modules))\n"
    )
    done = python("-c", code)
    assert done.stdout == "set()\n", done.stderr


def test_a_wrong_flag_is_one_line_and_status_2():
    done = python("launch.py", "--port", "http")
    assert done.returncode == 2
    assert done.stderr == "--port is 'http'; accepted: a whole number from 0 to 65535.\n"
    assert done.stdout == ""


def test_help_is_told_without_a_server():
    done = python("launch.py", "--help")
    assert (done.returncode, "WEBUI_PORT" in done.stdout) == (0, True)


def test_plans_are_printed_without_a_server():
    done = python("launch.py", "--plan-for", "L4")
    assert done.returncode == 0
    assert "4 bit (8.5 GB) on L4 (23.7 GB): 17 conversations of 16,384 tokens" in done.stdout
    done = python("launch.py", "--plan-for", "abacus")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("--plan-for is 'abacus'; accepted: a size such as")
    folder = str(ROOT / "assets" / "glm4v-nano")
    assert (
        "glm4v-nano: 4 bit (0.0 GB) on T4"
        in python("launch.py", "--plan-for", "T4", "--model", folder).stdout
    )


def test_a_busy_port_is_told_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = python("launch.py", WEBUI_PORT=str(port))
    assert done.returncode == 2
    assert done.stderr.startswith(f"--port is {port}; accepted: a port of 127.0.0.1 that is free")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_an_address_that_is_not_ours_is_told(host):
    with pytest.raises(SettingsError):
        listen(host, 0)
