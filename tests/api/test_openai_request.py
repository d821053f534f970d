"""The fields of a chat request: bounds, defaults, and errors that name the field."""

from dataclasses import replace

import pytest
from api_client import ASK, PATH, http, official, refusal
from fakes import FakeEngine

from webui.protocol import SAMPLING_RANGES, ModelInfo, ModelStatus, SamplingParams

FIELDS = [*SAMPLING_RANGES, "max_completion_tokens"]


def bounds(field):
    accepted = SAMPLING_RANGES[field.replace("completion_", "")]
    return accepted, 1 if accepted.whole else 1e-7


@pytest.mark.parametrize("field", FIELDS)
async def test_a_number_is_accepted_within_its_bounds_and_refused_outside(field):
    accepted, step = bounds(field)
    async with http(FakeEngine()) as client:
        for value in (accepted.minimum, accepted.maximum):
            response = await client.post(PATH, json={"messages": ASK, field: value})
            assert response.status_code == 200
    for value in (accepted.minimum - step, accepted.maximum + step, True, "1", [1]):
        error = await refusal({field: value})
        assert (error["param"], error["code"]) == (field, "invalid_value")
        assert str(accepted) in error["message"]


async def test_a_tiny_repetition_penalty_is_refused():
    error = await refusal({"temperature": 2, "top_k": 50, "repetition_penalty": 1e-39})
    assert error["message"].startswith(
        "The field 'repetition_penalty' is 1e-39; accepted: a number from 0.1 to 2"
    )


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
async def test_a_wrong_value_is_refused_by_field(body, field):
    error = await refusal(body)
    assert (error["param"], error["type"]) == (field, "invalid_request_error")


async def test_absent_and_null_are_the_same():
    async with http(FakeEngine()) as client:
        response = await client.post(
            PATH, json={"messages": ASK, "tools": None, "stop": None, "n": 1, "user": "me"}
        )
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("fields", "budget"),
    [
        ({"reasoning_effort": "none"}, 0),
        ({"reasoning_effort": "low"}, 512),
        ({"reasoning_effort": "medium"}, 2048),
        ({"reasoning_effort": "high"}, None),
        ({"chat_template_kwargs": {"enable_thinking": False}}, 0),
        ({"chat_template_kwargs": {"enable_thinking": True}}, None),
        ({"chat_template_kwargs": {"enable_thinking": True}, "thinking_token_budget": 9}, 9),
    ],
)
async def test_a_thinking_budget_is_an_effort_or_a_number(fields, budget):
    engine = FakeEngine()
    async with http(engine) as client:
        assert (await client.post(PATH, json={"messages": ASK, **fields})).status_code == 200
    assert engine.requests[0].sampling.thinking_token_budget == budget


async def test_absent_fields_use_the_defaults():
    engine = FakeEngine()
    async with official(engine) as client:
        await client.chat.completions.create(model="org/fake", messages=ASK)
    assert engine.requests[0].sampling == SamplingParams()


async def test_absent_fields_use_the_sampling_that_the_model_recommends():
    recommended = SamplingParams(0.1, 0.2, 3, 1.0, 55, thinking_token_budget=9, seed=4)
    info = ModelInfo("fake", 4096, sampling=recommended)
    engine = FakeEngine(model_status=ModelStatus("ready", info))
    given = {"temperature": 0, "repetition_penalty": 1.3, "reasoning_effort": "high"}
    async with http(engine) as client:
        await client.post(PATH, json={"messages": ASK})
        await client.post(PATH, json={"messages": ASK} | given)
    assert [request.sampling for request in engine.requests] == [
        recommended,
        replace(recommended, temperature=0, repetition_penalty=1.3, thinking_token_budget=None),
    ]
