"""Event streams: keepalive comments, and requests that end when their client disconnects."""

import asyncio
import json

import httpx
import openai
import pytest
from api_client import ASK, GUARD_S, PATH, http, served
from fakes import SCRIPT, FakeEngine

from webui.api.streaming import KEEPALIVE
from webui.errors import DeviceMemoryError, ModelLoadError
from webui.protocol import Delta, Progress
from webui.reasons import Unexpected

SHORT_S = 0.01


# Longer than a test, so that no keepalive is sent in it.
LONG_S = 3600


STREAM = {"messages": ASK, "stream": True}


QUEUED, LOADING = Delta(progress=Progress("queued", 1)), Delta(progress=Progress("loading", 1, 2))


class HeldEngine(FakeEngine):
    """Yields `before`, waits until `go` is set, and then answers from its script."""

    def __init__(self, before, **options):
        super().__init__(**options)
        self.before, self.go, self.waiting = before, asyncio.Event(), asyncio.Event()

    async def generate(self, request):
        for delta in self.before:
            yield delta
        self.waiting.set()
        try:
            await self.go.wait()
        finally:
            self.ended.set()
        async for delta in super().generate(request):
            yield delta


async def read_until(chunks, received, count):
    """Read until `count` keepalive comments have been received in all."""
    while received.count(KEEPALIVE) < count:
        received += await asyncio.wait_for(anext(chunks), GUARD_S)


def without_ids(body):
    """Return the data of the events, without what differs between two requests."""
    events = [event for event in body.decode().split("\n\n") if event.startswith("data: {")]
    return [
        {**json.loads(event.removeprefix("data: ")), "id": "", "created": 0} for event in events
    ]


@pytest.mark.parametrize("before", [(), (LOADING,), (QUEUED,), SCRIPT[:1], SCRIPT[:3]])
async def test_a_silent_stream_gets_keepalives_and_the_same_events(before):
    engine = HeldEngine(before)
    received = bytearray()
    async with (
        served(engine, keepalive_s=SHORT_S) as client,
        client.stream("POST", PATH, json=STREAM) as response,
    ):
        chunks = response.aiter_raw()
        await read_until(chunks, received, 3)
        assert response.headers["content-type"].startswith("text/event-stream")
        engine.go.set()
        async for chunk in chunks:
            received += chunk
    plain = FakeEngine(script=(*before, *SCRIPT))
    async with http(plain, keepalive_s=LONG_S) as client:
        expected = await client.post(PATH, json=STREAM)
    assert KEEPALIVE not in expected.content
    assert without_ids(bytes(received)) == without_ids(expected.content)
    assert bytes(received).replace(KEEPALIVE, b"").endswith(b"data: [DONE]\n\n")


async def test_a_comment_is_never_inside_an_event():
    engine = FakeEngine(script=(*SCRIPT[:1], *SCRIPT[1:2] * 100, *SCRIPT[2:]), step_s=0.001)
    async with http(engine, keepalive_s=0.0) as client:
        body = (await client.post(PATH, json=STREAM)).text
    blocks = body.strip().split("\n\n")
    assert ": keepalive" in blocks
    assert all(block == ": keepalive" or block.startswith("data: ") for block in blocks)
    assert all("\n" not in block for block in blocks)


class RecordingTransport(httpx.AsyncBaseTransport):
    """Passes requests on, and sets `go` once two keepalive comments have been received."""

    def __init__(self, client, go):
        self.client, self.go, self.received = client, go, bytearray()

    async def handle_async_request(self, request):
        url = self.client.base_url.join(request.url.path)
        request = self.client.build_request(
            request.method, url, content=request.content, headers=request.headers
        )
        request.headers["host"] = url.netloc.decode()
        response = await self.client.send(request, stream=True)
        return httpx.Response(
            response.status_code, headers=response.headers, content=self.recorded(response)
        )

    async def recorded(self, response):
        async for chunk in response.aiter_raw():
            self.received += chunk
            if self.received.count(KEEPALIVE) >= 2:
                self.go.set()
            yield chunk


@pytest.mark.parametrize(
    ("before", "expected"),
    [((LOADING,), "A red circle."), (SCRIPT[:3], "A red A red circle.")],
)
async def test_the_official_client_ignores_keepalives(before, expected):
    engine = HeldEngine(before)
    async with served(engine, keepalive_s=SHORT_S) as client:
        transport = RecordingTransport(client, engine.go)
        http_client = httpx.AsyncClient(transport=transport, timeout=GUARD_S)
        async with openai.AsyncOpenAI(
            base_url="http://test/v1", api_key="none", http_client=http_client, max_retries=0
        ) as official:
            stream = await official.chat.completions.create(model="fake", messages=ASK, stream=True)
            chunks = [chunk async for chunk in stream]
    assert transport.received.count(KEEPALIVE) >= 2
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == expected
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_an_error_after_the_first_keepalive_is_an_event():
    error = ModelLoadError(model="fake", reason=Unexpected("no disk"))
    engine = HeldEngine((LOADING,), script=(), error=error)
    received = bytearray()
    async with (
        served(engine, keepalive_s=SHORT_S) as client,
        client.stream("POST", PATH, json=STREAM) as response,
    ):
        chunks = response.aiter_raw()
        await read_until(chunks, received, 1)
        engine.go.set()
        async for chunk in chunks:
            received += chunk
    assert response.status_code == 200
    assert without_ids(bytes(received))[-1]["error"]["code"] == "model_load_failed"
    assert received.endswith(b"data: [DONE]\n\n")


async def test_an_error_before_the_first_keepalive_sets_the_status():
    engine = FakeEngine(script=(LOADING,), error=DeviceMemoryError())
    async with http(engine, keepalive_s=LONG_S) as client:
        assert (await client.post(PATH, json=STREAM)).status_code == 500


async def test_a_whole_completion_has_no_time_limit():
    engine = HeldEngine((LOADING,))
    async with http(engine, keepalive_s=0.0) as client:
        request = asyncio.ensure_future(client.post(PATH, json={"messages": ASK}))
        await asyncio.wait_for(engine.waiting.wait(), GUARD_S)
        engine.go.set()
        response = await asyncio.wait_for(request, GUARD_S)
    assert response.json()["choices"][0]["message"]["content"] == "A red circle."


LONG = SCRIPT[:1] + SCRIPT[1:2] * 10_000


async def test_a_disconnect_ends_a_stream():
    engine = FakeEngine(script=LONG, step_s=0.01)
    async with served(engine) as client:
        async with client.stream("POST", PATH, json=STREAM) as response:
            assert response.status_code == 200
        await asyncio.wait_for(engine.ended.wait(), GUARD_S)
    assert engine.aborted == {engine.requests[0].id}


async def test_a_disconnect_ends_a_stream_that_only_has_keepalives():
    engine = HeldEngine(())
    async with served(engine, keepalive_s=SHORT_S) as client:
        async with client.stream("POST", PATH, json=STREAM) as response:
            await read_until(response.aiter_raw(), bytearray(), 1)
        await asyncio.wait_for(engine.ended.wait(), GUARD_S)
    assert len(engine.aborted) == 1


async def test_a_disconnect_ends_a_whole_completion():
    engine = FakeEngine(script=LONG, step_s=0.01)
    async with served(engine) as client:
        request = asyncio.ensure_future(client.post(PATH, json={"messages": ASK}))
        await asyncio.wait_for(engine.started.wait(), GUARD_S)
        request.cancel()
        await asyncio.wait_for(engine.ended.wait(), GUARD_S)
    assert engine.aborted == {engine.requests[0].id}
