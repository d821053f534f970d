"""The API's edges: paths and methods that it has not, when to try again, what is wrong with a picture's address."""

import json

import httpx
import pytest
from api_client import ASK, PATH, FakeReader, http, make_app, picture_url, refusal, served
from fakes import SCRIPT, FakeEngine

from webui.api.retry_after import CompletionRate
from webui.errors import EngineStoppedError, ModelLoadError, QueueFullError
from webui.protocol import ModelInfo, ModelStatus
from webui.reasons import Unexpected


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/completions", "/v1/models/", "/v1/chat/completions/x"]
)
async def test_an_unknown_path_is_told_what_there_is(method, path):
    async with http(FakeEngine()) as client:
        response = await client.request(method, path)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["type"]) == (
        404,
        "not_found",
        "invalid_request_error",
    )
    assert "GET /v1/models and POST /v1/chat/completions" in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", PATH, "POST, OPTIONS"),
        ("DELETE", PATH, "POST, OPTIONS"),
        ("POST", "/v1/models", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(method, path, allow):
    async with http(FakeEngine()) as client:
        response = await client.request(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allow)
    assert response.json()["error"]["code"] == "method_not_allowed"


async def test_head_and_options():
    async with served(FakeEngine()) as client:
        head, options = await client.head("/v1/models"), await client.options(PATH)
        assert (
            (await client.head("/v1/nothing")).status_code,
            (await client.head(PATH)).status_code,
        ) == (404, 405)
    assert (head.status_code, head.content, head.headers["content-type"]) == (
        200,
        b"",
        "application/json",
    )
    assert (options.status_code, options.content, options.headers["allow"]) == (
        204,
        b"",
        "POST, OPTIONS",
    )


class Broken(FakeReader):
    async def load_image_bytes(self, data, name, info, *, owner=""):
        raise RuntimeError("a fault of our own")


async def test_a_fault_of_our_own_has_the_same_shape():
    content = [{"type": "image_url", "image_url": {"url": picture_url()}}]
    transport = httpx.ASGITransport(
        make_app(FakeEngine(), reader=Broken()), raise_app_exceptions=False
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.post(
            PATH, json={"messages": [{"role": "user", "content": content}]}
        )
    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal_error")
    assert "fault of our own" not in response.text


async def test_a_full_queue_says_when_to_come_again():
    full = FakeEngine(script=(), error=QueueFullError(waiting=8))
    async with http(full) as client:
        refused = await client.post(PATH, json={"messages": ASK})
        full.script, full.error = SCRIPT, None
        for _ in range(16):
            await client.post(PATH, json={"messages": ASK})
        full.script, full.error = (), QueueFullError(waiting=8)
        later = await client.post(PATH, json={"messages": ASK, "stream": True})
    assert [answer.status_code for answer in (refused, later)] == [429, 429]
    assert [answer.headers["retry-after"] for answer in (refused, later)] == ["60", "30"]


@pytest.mark.parametrize(
    ("age", "ends", "waiting", "seconds"),
    [(0, 120, 8, 4), (0, 600, 1, 1), (0, 3, 8, 60), (61, 9, 1, 60)],
)
def test_the_queue_is_waited_for_as_long_as_it_takes_at_the_pace_of_the_last_minute(
    age, ends, waiting, seconds
):
    now = [0.0]
    pace = CompletionRate(lambda: now[0])
    for _ in range(ends):
        pace.record_completion()
    now[0] += age
    assert pace.retry_after_s(QueueFullError(waiting=waiting)) == seconds


async def test_a_model_that_is_not_there_says_when_to_come_again():
    loading = FakeEngine(model_status=ModelStatus("loading", ModelInfo("fake", 4096)))
    failed = FakeEngine(script=(), error=ModelLoadError(model="fake", reason=Unexpected("no disk")))
    for engine in (loading, failed):
        async with http(engine) as client:
            response = await client.post(PATH, json={"messages": ASK})
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://a.example/a.png", "addresses are not fetched"),
        ("file:///etc/passwd", "addresses are not fetched"),
        ("iVBORw0KGgo=", "addresses are not fetched"),
        ("data:image/png;base64,iVBO*w0K", "its base64 has '*' at place 5"),
        ("data:image/png;base64,iV BO", "its base64 has ' ' at place 3"),
        ("data:image/png;base64,iVBORw0", "its base64 is incomplete: 7 characters"),
        ("data:image/png;base64,iV==Rw0K", "its base64 goes on behind its padding, at place 5"),
        ("data:text/html;base64,PGI+", "this one is text/html"),
        ("data:application/pdf;base64,AAAA", "this one is application/pdf"),
        ("data:,x", "this one is text/plain"),
        ("data:image/png,x", 'this one does not say "base64"'),
    ],
)
async def test_what_is_wrong_with_a_picture_is_told(url, told):
    content = [{"type": "image_url", "image_url": {"url": url}}]
    error = await refusal({"messages": [{"role": "user", "content": content}]})
    assert told in error["message"]
    assert "data:image/png;base64,..." in error["message"]
    assert error["param"] == "messages[0].content[0].image_url.url"


async def test_damage_far_into_a_large_picture_is_found():
    url = "data:image/png;base64," + "A" * 2_000_000 + "?" + "A" * 999_999
    async with http(FakeEngine(), most=10_000_000) as client:
        content = [{"type": "image_url", "image_url": {"url": url}}]
        response = await client.post(
            PATH, json={"messages": [{"role": "user", "content": content}]}
        )
    assert "'?' at place 2,000,001" in response.json()["error"]["message"]


async def test_an_engine_that_stops_in_mid_stream_ends_it_with_an_error_and_done():
    engine = FakeEngine(script=SCRIPT[:3], error=EngineStoppedError(reason="the server stops"))
    async with http(engine) as client:
        response = await client.post(PATH, json={"messages": ASK, "stream": True})
    *_, word, error, done = response.text.strip().split("\n\n")
    assert "A red " in word
    assert json.loads(error.removeprefix("data: "))["error"]["message"] == str(engine.error)
    assert done == "data: [DONE]"
