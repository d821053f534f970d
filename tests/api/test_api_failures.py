"""What the API refuses and how it says so: by field, with a status and a code."""

import openai
import pytest
from api_client import ASK, PATH, http, official, refusal
from fakes import SCRIPT, FakeEngine

from webui.errors import (
    ContextLengthError,
    DeviceMemoryError,
    EngineStoppedError,
    MixedMediaError,
    ModelLoadError,
    QueueFullError,
)
from webui.protocol import Delta
from webui.reasons import Unexpected


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a.png", "file:///etc/passwd", "data:image/png;base64,?", "data:,x"]
)
async def test_no_other_url_is_opened(url):
    content = [{"type": "image_url", "image_url": {"url": url}}]
    error = await refusal({"messages": [{"role": "user", "content": content}]})
    assert error["param"] == "messages[0].content[0].image_url.url"
    assert "data URL" in error["message"]


async def test_a_damaged_picture_is_refused():
    content = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}]
    error = await refusal({"messages": [{"role": "user", "content": content}]})
    assert error["code"] == "invalid_image"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", [{"type": "function"}]),
        ("functions", []),
        ("response_format", {"type": "json_object"}),
        ("stop", ["x"]),
        ("logit_bias", {"1": 2}),
        ("metadata", {}),
        ("stream_options.include_obfuscation", True),
        ("chat_template_kwargs.custom", True),
    ],
)
async def test_unsupported_fields_are_refused_by_name(field, value):
    outer, _, inner = field.partition(".")
    error = await refusal({outer: {inner: value} if inner else value})
    assert (error["param"], error["code"]) == (field, "unsupported_field")
    assert field in error["message"]


WRONG = [
    ({"n": 2}, "n"),
    ({"logprobs": True}, "logprobs"),
    ({"presence_penalty": 1}, "presence_penalty"),
    ({"temperature": 3}, "temperature"),
    ({"temperature": "hot"}, "temperature"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens"),
    ({"reasoning_effort": "extreme"}, "reasoning_effort"),
    ({"reasoning_effort": "high", "thinking_token_budget": 9}, "thinking_token_budget"),
    (
        {"reasoning_effort": "low", "chat_template_kwargs": {"enable_thinking": False}},
        "reasoning_effort",
    ),
    ({"top_k": 1.5}, "top_k"),
    ({"messages": []}, "messages"),
    ({"messages": [5]}, "messages[0]"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "assistant", "content": "x"}]}, "messages[-1].role"),
    ({"messages": [{"role": "user", "content": "x", "name": "y"}]}, "messages[0].name"),
    (
        {"messages": [{"role": "user", "content": [{"type": "video_url"}]}]},
        "messages[0].content[0].type",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
        "messages[0].content[0].type",
    ),
    (
        {"messages": [{"role": "system", "content": [{"type": "image_url"}]}, *ASK]},
        "messages[0].content[0].type",
    ),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
async def test_a_wrong_value_is_told_by_field(body, field):
    error = await refusal(body)
    assert (error["param"], error["type"]) == (field, "invalid_request_error")


async def test_absent_and_null_are_the_same():
    async with http(FakeEngine()) as client:
        response = await client.post(
            PATH, json={"messages": ASK, "tools": None, "stop": None, "n": 1, "user": "me"}
        )
    assert response.status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b'{"messages": [{"role": "user", "content": "\\ud800"}]}']
)
async def test_a_body_that_is_no_json_object_is_refused(body):
    async with http(FakeEngine()) as client:
        response = await client.post(
            PATH, content=body, headers={"content-type": "application/json"}
        )
    assert (response.status_code, response.json()["error"]["param"]) == (400, "body")


async def test_only_json_within_the_limit_is_read():
    async with http(FakeEngine(), most=100) as client:
        form = await client.post(PATH, content=b"{}", headers={"content-type": "text/plain"})
        large = await client.post(PATH, json={"messages": ASK, "user": "x" * 100})
    assert (form.status_code, large.status_code) == (415, 413)


async def test_an_unknown_model_is_not_found():
    async with official(FakeEngine()) as client:
        with pytest.raises(openai.NotFoundError, match="'fake'") as caught:
            await client.chat.completions.create(model="gpt-5", messages=ASK)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


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
async def test_an_error_before_the_first_word_has_its_status(error, status, code, stream):
    told = await refusal({"stream": stream}, status, FakeEngine(script=(Delta(),), error=error))
    assert (told["message"], told["code"]) == (str(error), code)


async def test_an_error_in_mid_stream_is_an_event():
    engine = FakeEngine(script=SCRIPT[:2], error=DeviceMemoryError())
    async with official(engine) as client:
        stream = await client.chat.completions.create(model="fake", messages=ASK, stream=True)
        with pytest.raises(openai.APIError, match="out of memory"):
            [chunk async for chunk in stream]


async def test_a_request_ended_from_elsewhere_is_an_error():
    error = await refusal({}, 500, FakeEngine(script=(Delta(content="A", finish_reason="abort"),)))
    assert "was ended" in error["message"]
