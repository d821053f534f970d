"""/v1/models and /v1/chat/completions, with the official client and with raw requests."""

import base64
import json

import openai
import pytest
from api_client import ASK, PATH, http, official, refusal
from fakes import SCRIPT, FakeEngine

from webui.errors import ModelLoadError
from webui.protocol import Delta, Message, ModelInfo, ModelStatus, Progress, SamplingParams, Usage
from webui.reasons import Unexpected


async def test_a_whole_completion():
    script = (*SCRIPT[:-1], Delta(finish_reason="stop", usage=Usage(10, 9, 5, 4)))
    async with official(FakeEngine(script)) as client:
        completion = await client.chat.completions.create(model="fake", messages=ASK)
    assert completion.choices[0].message.reasoning_content == "I see a red circle."
    assert completion.choices[0].message.content == "A red circle."
    assert completion.choices[0].finish_reason == "stop"
    usage = completion.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 9, 19)
    assert usage.completion_tokens_details.reasoning_tokens == 5
    assert usage.prompt_tokens_details.cached_tokens == 4


async def test_a_streamed_completion():
    options = {"include_usage": True}
    async with official(FakeEngine()) as client:
        stream = await client.chat.completions.create(
            model="fake", messages=ASK, stream=True, stream_options=options
        )
        *chunks, last = [chunk async for chunk in stream]
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert deltas[0].role == "assistant"
    reasoning = "".join(getattr(delta, "reasoning_content", "") for delta in deltas)
    assert reasoning == "I see a red circle."
    assert "".join(delta.content or "" for delta in deltas) == "A red circle."
    assert [chunk.choices[0].finish_reason for chunk in chunks][-2:] == [None, "stop"]
    assert (last.choices, last.usage.total_tokens) == ([], 19)


async def test_usage_is_streamed_only_on_request():
    async with http(FakeEngine()) as client:
        response = await client.post(PATH, json={"messages": ASK, "stream": True})
    events = response.text.strip().split("\n\n")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert events[-1] == "data: [DONE]"
    assert not any("usage" in json.loads(event.removeprefix("data: ")) for event in events[:-1])


async def test_messages_and_sampling_reach_the_engine():
    engine = FakeEngine()
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {
            "role": "assistant",
            "content": "Hello.",
            "reasoning_content": "A greeting.",
            "refusal": None,
        },
        *ASK,
    ]
    extra = {"top_k": 3, "repetition_penalty": 1.2, "thinking_token_budget": 7}
    async with official(engine) as client:
        await client.chat.completions.create(
            model="default",
            messages=messages,
            temperature=0,
            top_p=0.5,
            max_completion_tokens=9,
            seed=4,
            extra_body=extra,
        )
    assert engine.requests[0].messages == (
        Message("system", ("Be brief.",)),
        Message("user", ("Hi",)),
        Message("assistant", ("Hello.",), "A greeting."),
        Message("user", ("What is it?",)),
    )
    assert engine.requests[0].sampling == SamplingParams(0, 0.5, 3, 1.2, 9, 7, 4)


async def test_the_owner_of_a_request_is_its_account_or_its_address():
    engine = FakeEngine()
    body = {"messages": ASK, "user": "another user"}
    async with http(engine) as client:
        await client.post(PATH, json=body, headers={"authorization": "Bearer made-up"})
    async with http(engine, accounts=[("ann", "secret"), ("bob", "pass")]) as client:
        await client.post(PATH, json=body, headers={"authorization": "Bearer bob:pass"})
    assert [request.owner for request in engine.requests] == ["address 127.0.0.1", "user bob"]


async def test_models_are_listed():
    async with official(FakeEngine()) as client:
        assert [model.id async for model in client.models.list()] == ["fake"]


async def test_an_unknown_model_is_not_found():
    async with official(FakeEngine()) as client:
        with pytest.raises(openai.NotFoundError, match="'fake'") as caught:
            await client.chat.completions.create(model="gpt-5", messages=ASK)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


OTHER = ModelStatus("unloaded", ModelInfo("other", 8192), served=True)


async def test_several_models_are_listed_and_selected_by_name():
    engine = FakeEngine(others=(OTHER,))
    async with official(engine) as client:
        assert [model.id async for model in client.models.list()] == ["fake", "other"]
        for name in ("default", "other", "org/other", "fake"):
            completion = await client.chat.completions.create(model=name, messages=ASK)
            assert completion.model == engine.requests[-1].model_name
    assert [request.model_name for request in engine.requests] == ["fake", "other", "other", "fake"]
    error = await refusal({"model": "else"}, 404, FakeEngine(others=(OTHER,)))
    assert "'fake', 'other'" in error["message"]


async def test_a_request_waits_for_a_model_swap():
    loading = ModelStatus("loading", ModelInfo("fake", 4096), served=True)
    wait = Delta(progress=Progress("loading", 1, 2))
    async with http(FakeEngine(model_status=loading, script=(wait, wait, *SCRIPT))) as client:
        completion = (await client.post(PATH, json={"messages": ASK})).json()
    assert completion["choices"][0]["message"]["content"]
    failing = FakeEngine(
        model_status=loading,
        script=(wait,),
        error=ModelLoadError(model="fake", reason=Unexpected("no disk")),
    )
    assert (await refusal({"stream": True}, 503, failing))["code"] == "model_load_failed"


async def test_a_request_before_the_first_model_is_ready_is_refused():
    engine = FakeEngine(model_status=ModelStatus("loading", ModelInfo("fake", 4096)))
    assert (await refusal({}, 503, engine))["code"] == "model_not_ready"


async def test_accounts_protect_the_api():
    accounts = [("ann", "se:cret"), ("bob", "pass")]
    basic = {"authorization": "Basic " + base64.b64encode(b"bob:pass").decode()}
    async with official(FakeEngine(), key="ann:se:cret", accounts=accounts) as client:
        assert (await client.models.list()).data[0].id == "fake"
    async with http(FakeEngine(), accounts=accounts) as client:
        assert (await client.get("/v1/models", headers=basic)).status_code == 200
        for header in (
            "",
            "Bearer ann:wrong",
            "Bearer",
            "Basic ?",
            "Digest ann:se:cret",
            "Basic ann:se:cret",
        ):
            response = await client.get("/v1/models", headers={"authorization": header})
            assert response.status_code == 401
        assert (await client.post(PATH, json={"messages": ASK})).status_code == 401
