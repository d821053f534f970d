import asyncio
import json
import math
from dataclasses import replace
from uuid import uuid4

import gradio as gr
import httpx
import pytest
from fakes import READY, FakeEngine
from page_server import page_app, serving

from webui.errors import InvalidFieldError
from webui.protocol import SAMPLING_RANGES, THINKING_BUDGETS, THINKING_LEVELS, SamplingParams
from webui.ui.chat.settings_panel import (
    DEFAULT_BUDGET,
    LEVEL_OF_BUDGET,
    SLIDER_BUDGETS,
    budget_of,
    settings_of,
    settings_panel,
    thinking_controls,
)
from webui.ui.i18n.labels import Labels
from webui.ui.i18n.strings import Strings

DEFAULTS = {
    "temperature": 0.8,
    "top_p": 0.6,
    "top_k": 2,
    "repetition_penalty": 1.1,
    "max_tokens": 8192,
    "thinking_budget": 300,
    "seed": 7,
}


class CheckingEngine(FakeEngine):
    """Refuses numbers as the real one does."""

    def generate(self, request):
        request.sampling.check()
        return super().generate(request)


async def test_the_panel_offers_nothing_that_would_be_refused():
    with gr.Blocks():
        panel = settings_panel(Labels(Strings("en")), READY.info)
    for name in ("temperature", "top_p", "top_k", "repetition_penalty", "max_tokens", "seed"):
        control = getattr(panel, name)
        assert control.minimum in SAMPLING_RANGES[name]
        assert control.maximum in SAMPLING_RANGES[name]


@pytest.mark.parametrize("name", DEFAULTS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1e300, True, 2**70])
def test_what_no_control_sends_is_refused_by_name(name, value):
    unlimited = name == "thinking_budget" and value in (math.inf, 2**70)
    sampling = settings_of("", **DEFAULTS | {name: value})[1]
    if unlimited:
        assert sampling.thinking_token_budget is None
    else:
        with pytest.raises(InvalidFieldError, match=name.replace("thinking_", "thinking_token_")):
            sampling.check()


def test_a_number_of_a_control_is_whole_where_it_must_be():
    values = settings_of(" Be brief. ", **DEFAULTS | {"top_k": 3.0, "max_tokens": 9.0, "seed": 0})
    assert values[0] == "Be brief."
    assert (values[1].top_k, values[1].max_tokens, values[1].seed) == (3, 9, None)
    values[1].check()


@pytest.mark.parametrize("level", THINKING_LEVELS)
def test_each_level_is_a_position_of_the_slider(level):
    assert budget_of(SLIDER_BUDGETS[level]) == THINKING_BUDGETS[level]
    assert str(SLIDER_BUDGETS[level]) in LEVEL_OF_BUDGET


def test_the_budget_of_the_settings_is_what_is_sent():
    _, sampling = settings_of("", 0.8, 0.6, 2, 1.1, 8192, 300, 0)
    assert sampling == replace(SamplingParams(), thinking_token_budget=300)


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("en", ["Off", "Short", "Normal", "Long"]),
        ("zh", ["关闭", "简短", "标准", "深入"]),
        ("ja", ["なし", "短め", "標準", "長め"]),
    ],
)
async def test_the_levels_have_names_in_each_language(code, names):
    with gr.Blocks():
        labels = Labels(Strings("en"))
        controls = thinking_controls(labels)
    assert controls.levels.value == DEFAULT_BUDGET
    updates = labels.updates(Strings(code))
    choices = [update["choices"] for update in updates if "choices" in update]
    assert choices == [list(zip(names, [0, 512, 2048, 8192], strict=True))]


def send_example(address, label, value):
    """Send an example as a program would, with a value for one setting, and return the events."""
    with httpx.Client(base_url=address + "gradio_api/", timeout=60) as client:
        config = client.get("../config").json()
        components = {component["id"]: component["props"] for component in config["components"]}
        events = config["dependencies"]
        [card, *_] = [
            key for key, props in components.items() if props.get("value") == "What is 47 + 38?"
        ]
        [collect] = [event for event in events if [card, "click"] in event["targets"]]
        [send] = [event for event in events if event.get("trigger_after") == collect["id"]]
        session = {"session_hash": uuid4().hex}
        client.post(
            "run/predict", json={"data": ["en"], "fn_index": collect["id"]} | session
        ).raise_for_status()
        data = [
            value if components[key].get("label") == label else components[key].get("value")
            for key in send["inputs"]
        ]
        # Not `json=`: httpx refuses NaN.
        body = json.dumps({"data": data, "fn_index": send["id"]} | session)
        headers = {"content-type": "application/json"}
        client.post("queue/join", content=body, headers=headers).raise_for_status()
        with client.stream("GET", "queue/data", params=session) as response:
            return "\n".join(line for line in response.iter_lines() if line.startswith("data: "))


async def test_a_number_that_a_program_sends_is_refused_by_gradio_or_in_a_card():
    engine = CheckingEngine()
    with serving(page_app(engine)) as address:
        for value, refusal in [
            (1e-39, "less than minimum value 1"),
            (
                math.nan,
                "The field &#x27;repetition_penalty&#x27; is nan; "
                "accepted: a number from 0.1 to 2.",
            ),
        ]:
            assert refusal in await asyncio.to_thread(
                send_example, address, "Repetition penalty", value
            )
        assert engine.requests == []
        assert "A red circle." in await asyncio.to_thread(
            send_example, address, "Repetition penalty", 1.1
        )
