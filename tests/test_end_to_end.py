"""The program as people start it, with the bundled model: python launch.py, then the official client."""

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
READY_S = 120
QUESTION = "What is in the picture?"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a running server whose model is ready."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    command = [sys.executable, "launch.py", "--model", "nano", "--port", "0"]
    with log.open("w") as errors:
        running = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        address = running.stdout.readline().split()[-1]
        assert httpx.get(address).status_code == 200  # the page does not wait for the model
        deadline = time.monotonic() + READY_S
        while httpx.get(f"{address}/health").status_code != 200:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield address
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    assert running.returncode == 0, log.read_text()


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
    """(reasoning, content) of a streamed answer; what arrives after the first content must be content too."""
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
    """A page of a PDF, as somebody would send it: a red circle in the middle."""
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


async def test_people_at_the_same_time_get_answers_about_their_own(client):
    colours = ["red", "blue", "green", "red", "blue"]
    answers = await asyncio.gather(*(ask(client, circle(colour)) for colour in colours))
    for colour, (_, content) in zip(colours, answers, strict=True):
        assert colour in content.lower()


async def test_a_conversation_goes_on(client):
    first = question(circle("red"))
    turns = [
        *first,
        {"role": "assistant", "content": "A red circle."},
        {"role": "user", "content": QUESTION},
    ]
    answer = await client.chat.completions.create(
        model="default", messages=turns, temperature=0, max_tokens=100
    )
    assert answer.choices[0].message.content
    assert answer.usage.prompt_tokens > 0
