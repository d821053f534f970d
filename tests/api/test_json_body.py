"""JSON request bodies: size limits, malformed JSON, and work off the event loop."""

import asyncio
import json
import threading

import pytest
from api_client import ASK, GUARD_S, PATH, ask_about, http, refusal, served
from fakes import FakeEngine

from webui.api.json_body import LARGE_BYTES, BodyReader


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b'{"messages": [{"role": "user", "content": "\\ud800"}]}']
)
async def test_a_body_that_is_no_json_object_is_refused(body):
    async with http(FakeEngine()) as client:
        response = await client.post(
            PATH, content=body, headers={"content-type": "application/json"}
        )
    assert (response.status_code, response.json()["error"]["param"]) == (400, "body")


async def test_only_json_within_the_size_limit_is_read():
    async with http(FakeEngine(), max_body_bytes=100) as client:
        form = await client.post(PATH, content=b"{}", headers={"content-type": "text/plain"})
        large = await client.post(PATH, json={"messages": ASK, "user": "x" * 100})
    assert (form.status_code, large.status_code) == (415, 413)


@pytest.mark.parametrize(
    ("number", "param"),
    [
        ("NaN", "body"),
        ("Infinity", "body"),
        ("-Infinity", "body"),
        ("1e400", "temperature"),
        ("9" * 5000, "body"),
    ],
)
async def test_a_number_outside_json_is_refused(number, param):
    body = json.dumps({"messages": ASK, "temperature": 0}).replace(": 0}", f": {number}}}")
    async with http(FakeEngine()) as client:
        response = await client.post(
            PATH, content=body, headers={"content-type": "application/json"}
        )
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert len(response.text) < 500


async def test_a_huge_integer_is_shown_by_its_size():
    assert "an integer of 1000 bits" in (await refusal({"top_k": 2**999}))["message"]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (
            {"messages": [[]] * 40_000},
            413,
            "40,002 of them opening brackets; at most 1,048,576 and 32,768",
        ),
        ({"messages": ASK, "user": "." * 2**20}, 413, "the request has 1,048,"),
        ({"messages": ASK * 2049}, 400, "2,049 messages"),
        (ask_about(*["data:image/png;base64,"] * 4097), 400, "4,097 parts"),
        ({f"field{number}": 1 for number in range(101)}, 400, "102 fields"),
        ({"messages": [{"role": "user", "content": 5}] * 2000}, 400, "messages[0].content"),
        ({"x" * 1000: 1}, 400, "xxx"),
    ],
)
async def test_a_body_of_too_many_objects_is_refused_with_the_number(body, status, text):
    error = await refusal(body, status)
    assert text in error["message"]
    assert len(error["message"]) < 300


async def test_large_bodies_are_processed_in_a_thread_one_at_a_time():
    bodies, here = BodyReader(1), threading.current_thread()
    entered, go = threading.Event(), threading.Event()

    def slow():
        entered.set()
        go.wait(GUARD_S)
        return threading.current_thread()

    first = asyncio.ensure_future(bodies.process(LARGE_BYTES + 1, slow))
    await asyncio.to_thread(entered.wait, GUARD_S)
    second = asyncio.ensure_future(bodies.process(LARGE_BYTES + 1, threading.current_thread))
    assert await bodies.process(LARGE_BYTES, threading.current_thread) is here
    assert not second.done()
    go.set()
    assert here not in (await first, await second)


HEAD = (
    "POST {path} HTTP/1.1\r\nHost: x\r\n"
    "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
)


async def test_a_content_length_over_the_limit_is_refused_at_once():
    async with served(FakeEngine()) as client:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(HEAD.format(path=PATH, length=10**12).encode())
        assert (await asyncio.wait_for(reader.readline(), GUARD_S)).startswith(b"HTTP/1.1 413 ")
        writer.close()


async def test_a_disconnect_within_the_body_is_not_logged(caplog):
    async with served(FakeEngine(), log=caplog.handler) as client:
        _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(HEAD.format(path=PATH, length=1000).encode() + b'{"mess')
        await writer.drain()
        writer.close()
        assert (await client.get("/health")).status_code == 200
    assert caplog.records == []
