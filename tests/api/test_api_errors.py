"""The format of errors below /v1, with their statuses, codes and headers."""

import json

import httpx
import openai
import pytest
from api_client import (
    ASK,
    PATH,
    FakeReader,
    ask_about,
    http,
    make_app,
    official,
    picture_url,
    refusal,
    served,
)
from fakes import SCRIPT, FakeEngine

from webui.errors import (
    ContextLengthError,
    DeviceMemoryError,
    EngineStoppedError,
    MixedMediaError,
    ModelLoadError,
    QueueFullError,
)
from webui.protocol import Delta, ModelInfo, ModelStatus
from webui.reasons import Unexpected

ERRORS = [
    (ContextLengthError(tokens=9, limit=8), 400, "context_length_exceeded"),
    (MixedMediaError(), 400, None),
    (QueueFullError(waiting=8), 429, "queue_full"),
    (ModelLoadError(model="fake", reason=Unexpected("no disk")), 503, "model_load_failed"),
    (DeviceMemoryError(), 500, None),
    (EngineStoppedError(reason="a fault"), 500, None),
]


@pytest.mark.parametrize(("error", "status", "code"), ERRORS)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_before_the_first_output_sets_the_status(error, status, code, stream):
    engine = FakeEngine(script=(Delta(),), error=error)
    body = await refusal({"stream": stream}, status, engine)
    assert (body["message"], body["code"]) == (str(error), code)


async def test_an_error_in_mid_stream_is_an_event():
    engine = FakeEngine(script=SCRIPT[:2], error=DeviceMemoryError())
    async with official(engine) as client:
        stream = await client.chat.completions.create(model="fake", messages=ASK, stream=True)
        with pytest.raises(openai.APIError, match="out of memory"):
            [chunk async for chunk in stream]


async def test_a_stream_ends_with_done_after_an_error():
    engine = FakeEngine(script=SCRIPT[:3], error=EngineStoppedError(reason="the server stops"))
    async with http(engine) as client:
        response = await client.post(PATH, json={"messages": ASK, "stream": True})
    *_, word, error, done = response.text.strip().split("\n\n")
    assert "A red " in word
    assert json.loads(error.removeprefix("data: "))["error"]["message"] == str(engine.error)
    assert done == "data: [DONE]"


async def test_a_request_that_the_server_aborts_is_an_error():
    error = await refusal({}, 500, FakeEngine(script=(Delta(content="A", finish_reason="abort"),)))
    assert "was ended" in error["message"]


class Broken(FakeReader):
    async def load_image_bytes(self, data, name, info, *, owner=""):
        raise RuntimeError("a bug")


async def test_an_internal_error_has_the_same_format():
    transport = httpx.ASGITransport(
        make_app(FakeEngine(), reader=Broken()), raise_app_exceptions=False
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.post(PATH, json=ask_about(picture_url()))
    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal_error")
    assert "a bug" not in response.text


async def test_an_unavailable_model_sets_retry_after():
    loading = FakeEngine(model_status=ModelStatus("loading", ModelInfo("fake", 4096)))
    failed = FakeEngine(script=(), error=ModelLoadError(model="fake", reason=Unexpected("no disk")))
    for engine in (loading, failed):
        async with http(engine) as client:
            response = await client.post(PATH, json={"messages": ASK})
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/completions", "/v1/models/", "/v1/chat/completions/x"]
)
async def test_an_unknown_path_names_the_known_ones(method, path):
    async with http(FakeEngine()) as client:
        response = await client.request(method, path)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (404, "not_found")
    assert error["type"] == "invalid_request_error"
    assert "GET /v1/models and POST /v1/chat/completions" in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", PATH, "POST, OPTIONS"),
        ("DELETE", PATH, "POST, OPTIONS"),
        ("POST", "/v1/models", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_names_the_right_ones(method, path, allow):
    async with http(FakeEngine()) as client:
        response = await client.request(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allow)
    assert response.json()["error"]["code"] == "method_not_allowed"


async def test_head_and_options():
    async with served(FakeEngine()) as client:
        head, options = await client.head("/v1/models"), await client.options(PATH)
        assert (await client.head("/v1/nothing")).status_code == 404
        assert (await client.head(PATH)).status_code == 405
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == "application/json"
    assert (options.status_code, options.content) == (204, b"")
    assert options.headers["allow"] == "POST, OPTIONS"
