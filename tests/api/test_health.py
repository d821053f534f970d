"""/health: its status and its fields."""

import pytest
from api_client import http
from fakes import READY, FakeEngine

from webui import __version__
from webui.errors import ModelLoadError
from webui.protocol import ModelInfo, ModelStatus, Progress
from webui.reasons import Unexpected


async def test_health_reports_the_state_until_the_model_is_ready():
    info = ModelInfo("fake", 4096)
    loading = ModelStatus("loading", info, progress=Progress("loading", 1, 4))
    failed = ModelStatus(
        "failed", info, failure=ModelLoadError(model="fake", reason=Unexpected("no disk"))
    )
    responses = []
    for status in (loading, failed, READY):
        async with http(FakeEngine(model_status=status), accounts=[("ann", "secret")]) as client:
            responses.append(await client.get("/health"))
    assert [response.status_code for response in responses] == [503, 503, 200]
    assert responses[0].json()["progress"] == {"done": 1, "total": 4}
    assert responses[1].json()["reason"] == "fake could not be loaded: no disk"


@pytest.mark.parametrize(
    ("states", "served", "reported", "status"),
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
async def test_health_is_200_while_a_request_would_be_answered(states, served, reported, status):
    first, *others = [
        ModelStatus(state, ModelInfo(str(i), 4096), served=served) for i, state in enumerate(states)
    ]
    async with http(FakeEngine(model_status=first, others=tuple(others))) as client:
        response = await client.get("/health")
    assert (response.status_code, response.json()["state"]) == (status, reported)
    models = response.json().get("models", [])
    assert [model["state"] for model in models] == (states if others else [])


async def test_health_has_the_version():
    async with http(FakeEngine()) as client:
        assert (await client.get("/health")).json()["version"] == __version__
