"""Compression: which responses are compressed, over a real server."""

import asyncio
import threading
from dataclasses import dataclass, field

import httpx
import pytest
from fakes import FakeEngine
from page_client import API, PageClient
from page_server import page_app, serving
from person import DEPRECATED

from webui.protocol import Delta, Usage

pytestmark = [pytest.mark.filterwarnings(*DEPRECATED)]
GUARD_S = 60
MAX_PAGE_BYTES = 80_000
TEXT = b"a line of text that repeats\n" * 200
QUESTION = {"messages": [{"role": "user", "content": "hello"}], "stream": True}


@dataclass
class WaitingEngine(FakeEngine):
    """Answers with two words; the second waits until the first has been read."""

    first_read: threading.Event = field(default_factory=threading.Event)

    async def generate(self, request):
        yield Delta(content="first" * 200)
        assert await asyncio.to_thread(self.first_read.wait, GUARD_S)
        yield Delta(content="second")
        yield Delta(finish_reason="stop", usage=Usage(1, 2))


@pytest.fixture(scope="module")
def engine():
    return WaitingEngine()


@pytest.fixture(scope="module")
def address(engine):
    with serving(page_app(engine)) as address:
        yield address


def get(address, path, encodings="gzip, br", **headers):
    """Return the response and the bytes of its body on the wire."""
    headers = {"Accept-Encoding": encodings, **headers}
    with httpx.stream("GET", address + path, headers=headers, timeout=GUARD_S) as response:
        wire_bytes = b"".join(response.iter_raw())
    return response, wire_bytes


def test_the_page_is_compressed(address):
    response, wire_bytes = get(address, "")
    assert response.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in response.headers["vary"]
    assert int(response.headers["content-length"]) == len(wire_bytes) <= MAX_PAGE_BYTES
    # The gate inside still recognizes the page.
    assert "content-security-policy" in response.headers
    assert "set-cookie" in response.headers


@pytest.mark.parametrize("path", ["config", "app.js", "theme.css"])
def test_other_texts_are_compressed(address, path):
    response, wire_bytes = get(address, path)
    assert response.headers["content-encoding"] in ("gzip", "br")
    plain = get(address, path, "identity")[1]
    assert len(wire_bytes) < len(plain) / 2
    assert httpx.get(address + path, timeout=GUARD_S).content == plain


def test_a_client_that_does_not_ask_gets_the_text_as_it_is(address):
    response, wire_bytes = get(address, "", "identity")
    assert "content-encoding" not in response.headers
    assert wire_bytes.startswith(b"<!doctype html>")


def test_events_arrive_one_by_one(address, engine):
    """The second event is made only after the first has been read."""
    headers = {"Accept-Encoding": "gzip, br"}
    url = f"{address}v1/chat/completions"
    with httpx.stream("POST", url, json=QUESTION, headers=headers, timeout=GUARD_S) as response:
        assert "content-encoding" not in response.headers
        last = ""
        for line in response.iter_lines():
            if "first" in line:
                engine.first_read.set()
            last = line or last
    assert last == "data: [DONE]"


def test_the_events_of_the_page_are_not_compressed(address):
    with PageClient(address) as client:
        url = f"{API}/heartbeat/{client.session}"
        with client.client.stream("GET", url) as response:
            assert "content-encoding" not in response.headers
            assert next(response.iter_raw())


def test_an_uploaded_picture_and_a_byte_range_are_sent_as_they_are(address, tmp_path):
    (tmp_path / "notes.txt").write_bytes(TEXT)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + TEXT)
    with PageClient(address) as client:
        text, picture = (
            f"{API}/file={client.upload(tmp_path / name)}" for name in ("notes.txt", "picture.png")
        )
        assert client.get(text).headers["content-encoding"] in ("gzip", "br")
        assert "content-encoding" not in client.get(picture).headers
        part = client.get(text, headers={"Range": "bytes=2-1001", "Accept-Encoding": "gzip, br"})
    assert (part.status_code, part.content) == (206, TEXT[2:1002])
    assert "content-encoding" not in part.headers
