"""/v1 and /health: with the official client, with raw requests, and over a real socket."""

import asyncio
import base64
import json

import httpx
import pytest
from api_client import ASK, PATH, http, official, picture_url, refusal, served
from fakes import READY, SCRIPT, FakeEngine

from webui.errors import ModelLoadError
from webui.protocol import Delta, Message, ModelInfo, ModelStatus, Progress, SamplingParams, Usage
from webui.reasons import Unexpected


async def test_a_whole_answer():
    script = (*SCRIPT[:-1], Delta(finish_reason="stop", usage=Usage(10, 9, 5, 4)))
    async with official(FakeEngine(script)) as client:
        answer = await client.chat.completions.create(model="fake", messages=ASK)
    assert answer.choices[0].message.reasoning_content == "I see a red circle."
    assert answer.choices[0].message.content == "A red circle."
    assert answer.choices[0].finish_reason == "stop"
    assert (
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
        answer.usage.total_tokens,
    ) == (10, 9, 19)
    assert answer.usage.completion_tokens_details.reasoning_tokens == 5
    assert answer.usage.prompt_tokens_details.cached_tokens == 4


async def test_a_streamed_answer():
    options = {"include_usage": True}
    async with official(FakeEngine()) as client:
        stream = await client.chat.completions.create(
            model="fake", messages=ASK, stream=True, stream_options=options
        )
        *chunks, last = [chunk async for chunk in stream]
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert deltas[0].role == "assistant"
    assert (
        "".join(getattr(delta, "reasoning_content", "") for delta in deltas)
        == "I see a red circle."
    )
    assert "".join(delta.content or "" for delta in deltas) == "A red circle."
    assert [chunk.choices[0].finish_reason for chunk in chunks][-2:] == [None, "stop"]
    assert (last.choices, last.usage.total_tokens) == ([], 19)


async def test_usage_is_streamed_only_if_asked_for():
    async with http(FakeEngine()) as client:
        response = await client.post(PATH, json={"messages": ASK, "stream": True})
    events = response.text.strip().split("\n\n")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert events[-1] == "data: [DONE]"
    assert not any("usage" in json.loads(event.removeprefix("data: ")) for event in events[:-1])


async def test_turns_and_sampling_reach_the_engine():
    engine = FakeEngine()
    turns = [
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
            messages=turns,
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


@pytest.mark.parametrize(
    ("told", "budget"),
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
async def test_thinking_is_told_in_words_or_exactly(told, budget):
    engine = FakeEngine()
    async with http(engine) as client:
        assert (await client.post(PATH, json={"messages": ASK, **told})).status_code == 200
    assert engine.requests[0].sampling.thinking_token_budget == budget


async def test_a_request_is_owned_by_the_user_or_else_the_address_whatever_its_body_says():
    engine = FakeEngine()
    body = {"messages": ASK, "user": "somebody else"}
    async with http(engine) as client:
        await client.post(PATH, json=body, headers={"authorization": "Bearer made-up"})
    async with http(engine, accounts=[("ann", "secret"), ("bob", "pass")]) as client:
        await client.post(PATH, json=body, headers={"authorization": "Bearer bob:pass"})
    assert [request.owner for request in engine.requests] == ["address 127.0.0.1", "user bob"]


async def test_defaults_are_those_of_the_model():
    engine = FakeEngine()
    async with official(engine) as client:
        await client.chat.completions.create(model="org/fake", messages=ASK)
    assert engine.requests[0].sampling == SamplingParams()


async def test_the_penalty_is_as_the_makers_of_the_model_advise_unless_told():
    engine = FakeEngine(
        model_status=ModelStatus("ready", ModelInfo("fake", 4096, repetition_penalty=1.0))
    )
    async with http(engine) as client:
        await client.post(PATH, json={"messages": ASK})
        await client.post(PATH, json={"messages": ASK, "repetition_penalty": 1.3})
    assert [request.sampling.repetition_penalty for request in engine.requests] == [1.0, 1.3]


async def test_a_picture_comes_as_a_data_url():
    engine = FakeEngine()
    content = [
        {"type": "image_url", "image_url": {"url": picture_url()}},
        {"type": "text", "text": "Colour?"},
    ]
    async with official(engine) as client:
        await client.chat.completions.create(
            model="fake", messages=[{"role": "user", "content": content}]
        )
    image, text = engine.requests[0].messages[0].parts
    assert (image.image.getpixel((0, 0)), text) == ((255, 0, 0), "Colour?")


async def test_models_lists_the_resident_one():
    async with official(FakeEngine()) as client:
        assert [model.id async for model in client.models.list()] == ["fake"]


async def test_health_tells_the_state_until_it_is_ready():
    info = ModelInfo("fake", 4096)
    loading = ModelStatus("loading", info, progress=Progress("loading", 1, 4))
    failed = ModelStatus(
        "failed", info, failure=ModelLoadError(model="fake", reason=Unexpected("no disk"))
    )
    answers = []
    for status in (loading, failed, READY):
        async with http(FakeEngine(model_status=status), accounts=[("ann", "secret")]) as client:
            answers.append(await client.get("/health"))
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].json()["progress"] == {"done": 1, "total": 4}
    assert answers[1].json()["reason"] == "fake could not be loaded: no disk"


async def test_while_loading_a_request_is_told_to_come_back():
    engine = FakeEngine(model_status=ModelStatus("loading", ModelInfo("fake", 4096)))
    assert (await refusal({}, 503, engine))["code"] == "model_not_ready"


OTHER = ModelStatus("unloaded", ModelInfo("other", 8192), served=True)


async def test_several_models_are_listed_and_asked_for_by_name():
    engine = FakeEngine(others=(OTHER,))
    async with official(engine) as client:
        assert [model.id async for model in client.models.list()] == ["fake", "other"]
        for name in ("default", "other", "org/other", "fake"):
            answer = await client.chat.completions.create(model=name, messages=ASK)
            assert answer.model == engine.requests[-1].model_name
    assert [request.model_name for request in engine.requests] == ["fake", "other", "other", "fake"]
    assert (
        "'fake', 'other'"
        in (await refusal({"model": "else"}, 404, FakeEngine(others=(OTHER,))))["message"]
    )


async def test_a_request_waits_for_a_model_that_is_swapped_in():
    loading = ModelStatus("loading", ModelInfo("fake", 4096), served=True)
    wait = Delta(progress=Progress("loading", 1, 2))
    async with http(FakeEngine(model_status=loading, script=(wait, wait, *SCRIPT))) as client:
        assert (await client.post(PATH, json={"messages": ASK})).json()["choices"][0]["message"][
            "content"
        ]
    failing = FakeEngine(
        model_status=loading,
        script=(wait,),
        error=ModelLoadError(model="fake", reason=Unexpected("no disk")),
    )
    assert (await refusal({"stream": True}, 503, failing))["code"] == "model_load_failed"


@pytest.mark.parametrize(
    ("states", "served", "shown", "status"),
    [
        (["unloaded"], True, "unloaded", 200),
        (["loading"], True, "loading", 200),
        (["failed"], True, "failed", 503),
        (["loading", "unloaded"], False, "loading", 503),
        (["failed", "unloaded"], False, "failed", 503),
        (["unloaded", "failed"], True, "unloaded", 200),
        (["unloaded", "ready"], True, "ready", 200),
    ],
)
async def test_health_is_good_while_a_request_would_be_answered(states, served, shown, status):
    first, *others = [
        ModelStatus(state, ModelInfo(str(i), 4096), served=served) for i, state in enumerate(states)
    ]
    async with http(FakeEngine(model_status=first, others=tuple(others))) as client:
        answer = await client.get("/health")
    assert (answer.status_code, answer.json()["state"]) == (status, shown)
    assert [row["state"] for row in answer.json().get("models", [])] == (states if others else [])


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
            assert (
                await client.get("/v1/models", headers={"authorization": header})
            ).status_code == 401
        assert (await client.post(PATH, json={"messages": ASK})).status_code == 401


async def until_idle(engine):
    for _ in range(100):
        if not engine.running:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("still running")


LONG = SCRIPT[:1] + SCRIPT[1:2] * 10_000


async def test_a_reader_that_hangs_up_ends_its_request():
    engine = FakeEngine(script=LONG, step_s=0.01)
    async with served(engine) as client:
        async with client.stream("POST", PATH, json={"messages": ASK, "stream": True}) as answer:
            assert answer.status_code == 200
        await until_idle(engine)
    assert engine.aborted == {engine.requests[0].id}


async def test_a_client_that_waits_no_longer_ends_its_request():
    engine = FakeEngine(script=LONG, step_s=0.01)
    async with served(engine) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(PATH, json={"messages": ASK}, timeout=0.3)
        await until_idle(engine)
    assert engine.aborted == {engine.requests[0].id}
