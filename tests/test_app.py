"""The program: page, API and access control on one port, and starts that end with one line."""

import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fakes import FakeEngine

from webui import __version__
from webui.app import create_app, main
from webui.media.reader import MediaReader
from webui.settings import Settings

ROOT = Path(__file__).parents[1]
GUARD_S = 300


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


def run_python(*arguments):
    """Run Python in a process of its own."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=GUARD_S)


async def test_page_and_api_share_one_port():
    engine = FakeEngine()
    async with client_of(engine) as client:
        page = await client.get("/")
        config = await client.get("/config")
        models = await client.get("/v1/models")
    assert "GLM-4.1V" in page.text
    assert config.json()["components"]
    assert models.json()["data"][0]["id"] == "fake"
    assert engine.closed


async def test_the_script_of_the_page_is_served_under_its_content_policy():
    async with client_of(FakeEngine()) as client:
        page = await client.get("/")
        script = await client.get("/app.js?v=1")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "javascript" in script.headers["content-type"]
    assert "window.chatPage" in script.text


async def test_the_page_changes_its_language_when_started_from_another_folder(
    monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    async with client_of(FakeEngine()) as client:
        config = (await client.get("/config")).json()
        events = [
            event
            for event in config["dependencies"]
            if any(name == "load" for _, name in event["targets"])
        ]
        on_load = max(events, key=lambda event: len(event["outputs"]))
        body = {
            "data": [None, ["fake"]] + [None] * (len(on_load["inputs"]) - 2),
            "fn_index": on_load["id"],
            "session_hash": "ann",
        }
        headers = {"accept-language": "ja"}
        answer = await client.post("/gradio_api/run/predict", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert "この図形は何色ですか？" in answer.text


async def test_accounts_protect_page_and_api_but_not_health():
    async with client_of(FakeEngine(), "--auth", "ann:secret") as client:
        for path, status in (
            ("/config", 401),
            ("/app.js", 401),
            ("/v1/models", 401),
            ("/health", 200),
        ):
            assert (await client.get(path)).status_code == status
        await client.post("/login", data={"username": "ann", "password": "secret"})
        assert (await client.get("/config")).status_code == 200


@pytest.mark.slow
def test_the_page_is_built_without_torch():
    code = (
        "import sys; sys.path.insert(0, 'tests/support')\n"
        "from fakes import FakeEngine\n"
        "from webui.app import MediaReader, Settings, create_app\n"
        "settings = Settings()\n"
        "create_app(FakeEngine(), MediaReader(settings.limits, office=None), settings)\n"
        "print({'torch', 'transformers', 'pymupdf', 'decord', 'av', 'pptx'} & set(sys.modules))\n"
    )
    process = run_python("-c", code)
    assert process.stdout == "set()\n", process.stderr


@pytest.mark.slow
def test_a_wrong_flag_is_one_line_and_status_2():
    process = run_python("launch.py", "--port", "http")
    assert process.returncode == 2
    assert process.stderr == "--port is 'http'; accepted: a whole number from 0 to 65535.\n"
    assert process.stdout == ""


def run_main(capsys, *arguments):
    """Run the program in this process. Returns its exit status, output and errors."""
    try:
        main(arguments)
        status = 0
    except SystemExit as system_exit:
        status = system_exit.code or 0
    return status, *capsys.readouterr()


def test_help_starts_no_server(capsys):
    status, output, _ = run_main(capsys, "--help")
    assert (status, "WEBUI_PORT" in output) == (0, True)


def test_the_version_is_that_of_the_package(capsys):
    assert run_main(capsys, "--version") == (0, f"launch.py {__version__}\n", "")


def test_a_plan_starts_no_server(capsys):
    status, output, _ = run_main(capsys, "--plan-for", "L4")
    assert status == 0
    assert "4 bit (8.5 GB) on L4 (23.7 GB): 17 conversations of 16,384 tokens" in output
    folder = str(ROOT / "assets" / "glm4v-nano")
    _, output, _ = run_main(capsys, "--plan-for", "T4", "--model", folder)
    assert "glm4v-nano: 4 bit (0.0 GB) on T4" in output


def test_a_plan_for_an_unknown_card_is_refused(capsys):
    status, output, errors = run_main(capsys, "--plan-for", "abacus")
    assert (status, output) == (2, "")
    assert errors.startswith("--plan-for is 'abacus'; accepted: a size such as")


def test_a_busy_port_is_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        status, _, errors = run_main(capsys, "--port", str(port))
    assert status == 2
    assert errors.startswith(f"--port is {port}; accepted: a port of 127.0.0.1 that is free")
    assert errors.count("\n") == 1
