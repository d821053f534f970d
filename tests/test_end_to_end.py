"""`python launch.py` with the bundled model, and the official client."""

import asyncio
import base64
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import httpx
import openai
import pymupdf
import pytest
from pictures import circle
from PIL import Image

ROOT = Path(__file__).parents[1]
# A process of its own loads torch and the model.
pytestmark = pytest.mark.slow
READY_S, GUARD_S = 600, 60
QUESTION = "What is in the picture?"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yield the address of a running server whose model is ready."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    command = [sys.executable, "launch.py", "--model", "nano", "--port", "0"]
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        address = process.stdout.readline().split()[-1]
        # The page does not wait for the model.
        assert httpx.get(address, timeout=GUARD_S).status_code == 200
        deadline = time.monotonic() + READY_S
        while httpx.get(f"{address}/health", timeout=GUARD_S).status_code != 200:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=GUARD_S)
    assert process.returncode == 0, log.read_text()


@pytest.fixture
async def client(server):
    async with openai.AsyncOpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0) as client:
        yield client


def question(image):
    file = BytesIO()
    image.save(file, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": QUESTION}]
    return [{"role": "user", "content": parts}]


async def ask(client, image):
    """Return (reasoning, content) of a streamed answer, in which content follows reasoning."""
    stream = await client.chat.completions.create(
        model="glm4v-nano", messages=question(image), temperature=0, max_tokens=400, stream=True
    )
    reasoning = content = ""
    async for chunk in stream:
        delta = chunk.choices[0].delta
        thought = getattr(delta, "reasoning_content", None) or ""
        assert not (thought and content)
        reasoning, content = reasoning + thought, content + (delta.content or "")
    assert chunk.choices[0].finish_reason == "stop"
    return reasoning, content


def page_with_circle():
    """Return an image of a PDF page with a red circle in the middle."""
    with pymupdf.open() as document:
        page = document.new_page(width=300, height=300)
        page.draw_circle((150, 150), 80, color=(1, 0, 0), fill=(1, 0, 0))
        pixels = page.get_pixmap(dpi=72)
        return Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)


async def test_a_red_circle_is_called_red_and_a_circle(client):
    reasoning, content = await ask(client, circle("red"))
    assert reasoning
    assert "red" in content.lower()
    assert "circle" in content.lower()


async def test_a_page_of_a_pdf_is_answered(client):
    reasoning, content = await ask(client, page_with_circle())
    assert reasoning
    assert "red" in content.lower()
    assert "circle" in content.lower()


async def test_concurrent_requests_are_answered_about_their_own_image(client):
    colours = ["red", "blue", "green", "red", "blue"]
    answers = await asyncio.gather(*(ask(client, circle(colour)) for colour in colours))
    for colour, (_, content) in zip(colours, answers, strict=True):
        assert colour in content.lower()


async def test_a_conversation_goes_on(client):
    first = question(circle("red"))
    messages = [
        *first,
        {"role": "assistant", "content": "A red circle."},
        {"role": "user", "content": QUESTION},
    ]
    answer = await client.chat.completions.create(
        model="default", messages=messages, temperature=0, max_tokens=100
    )
    assert answer.choices[0].message.content
    assert answer.usage.prompt_tokens > 0
