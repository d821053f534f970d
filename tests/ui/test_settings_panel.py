"""The numbers of the settings panel: what it offers, and what a program may send in its place."""

import asyncio
import json
import math
from uuid import uuid4

import gradio as gr
import httpx
import pytest
from fakes import READY, FakeEngine
from page_server import page_app, serving

from webui.errors import InvalidFieldError
from webui.protocol import SAMPLING_RANGES
from webui.ui.chat.settings_panel import settings_of, settings_panel
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
    told = settings_of(" Be brief. ", **DEFAULTS | {"top_k": 3.0, "max_tokens": 9.0, "seed": 0})
    assert told[0] == "Be brief."
    assert (told[1].top_k, told[1].max_tokens, told[1].seed) == (3, 9, None)
    told[1].check()


def ask(address, label, value):
    """What the page's own event answers a program that sends an example with that setting."""
    with httpx.Client(base_url=address + "gradio_api/", timeout=60) as client:
        config = client.get("../config").json()
        components = {component["id"]: component["props"] for component in config["components"]}
        [card, *_] = [
            key for key, props in components.items() if props.get("value") == "What is 47 + 38?"
        ]
        [event] = [one for one in config["dependencies"] if [card, "click"] in one["targets"]]
        data = [
            value if components[key].get("label") == label else components[key].get("value")
            for key in event["inputs"]
        ]
        session = uuid4().hex
        body = json.dumps({"data": data, "fn_index": event["id"], "session_hash": session})
        assert (
            client.post(
                "queue/join", content=body, headers={"content-type": "application/json"}
            ).status_code
            == 200
        )
        with client.stream("GET", "queue/data", params={"session_hash": session}) as events:
            told = [line for line in events.iter_lines() if line.startswith("data: ")]
    return "\n".join(told)


async def test_a_number_that_a_program_sends_is_refused_by_gradio_or_in_a_card():
    engine = CheckingEngine()
    with serving(page_app(engine)) as address:
        for value, refusal in [
            (1e-39, "less than minimum value 1"),
            (
                math.nan,
                "The field &#x27;repetition_penalty&#x27; is nan; accepted: a number from 0.1 to 2.",
            ),
        ]:
            assert refusal in await asyncio.to_thread(ask, address, "Repetition penalty", value)
        assert engine.requests == []
        assert "A red circle." in await asyncio.to_thread(ask, address, "Repetition penalty", 1.1)
