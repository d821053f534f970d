"""The folded panel of settings: the system prompt and how the next word is chosen.

Its controls offer a part of what SAMPLING_RANGES allows. A program may send anything in their place: Gradio refuses
what is out of a control's limits, and the engine, by name, what Gradio lets through.
"""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from webui.protocol import SAMPLING_RANGES, ModelInfo, SamplingParams
from webui.ui.chat.thinking_row import FIRST, UNLIMITED, budget_of, whole
from webui.ui.i18n.labels import Labels

LARGEST_SEED = 2**31 - 1
RECOMMENDED = ("temperature", "top_p", "top_k", "repetition_penalty", "max_tokens")


@dataclass(frozen=True, slots=True)
class SettingsPanel:
    system_prompt: gr.Textbox
    temperature: gr.Slider
    top_p: gr.Slider
    top_k: gr.Slider
    repetition_penalty: gr.Slider
    max_tokens: gr.Number
    thinking_budget: gr.Slider
    seed: gr.Number

    @property
    def recommended(self) -> list[gr.Slider | gr.Number]:
        """The controls that take the value recommended by a model, in the order of RECOMMENDED."""
        return [getattr(self, name) for name in RECOMMENDED]

    @property
    def inputs(self) -> list[gr.components.Component]:
        return [getattr(self, name) for name in self.__slots__]


def settings_panel(labels: Labels, model: ModelInfo) -> SettingsPanel:
    """Build the panel with the sampling that `model` recommends."""
    ranges = SAMPLING_RANGES
    with gr.Accordion(open=False, elem_classes="settings") as accordion:
        panel = SettingsPanel(
            gr.Textbox(lines=2, max_lines=8, max_length=20_000),
            gr.Slider(ranges["temperature"].minimum, ranges["temperature"].maximum, 0, step=0.05),
            gr.Slider(0.05, ranges["top_p"].maximum, step=0.05),
            gr.Slider(ranges["top_k"].minimum, 100, step=1),
            gr.Slider(1, ranges["repetition_penalty"].maximum, step=0.05),
            gr.Number(minimum=ranges["max_tokens"].minimum, maximum=65_536, precision=0),
            gr.Slider(0, UNLIMITED, FIRST, step=1, buttons=[]),
            # 0 stands for none: the browser makes 0 of an empty number when the panel is opened.
            gr.Number(0, minimum=0, maximum=LARGEST_SEED, precision=0),
        )
    for name, control in zip(RECOMMENDED, panel.recommended, strict=True):
        control.value = within_limits(control, getattr(model.sampling, name))
    labels.add(accordion, label="settings")
    for name in panel.__slots__:
        labels.add(getattr(panel, name), label=name, info=f"{name}_hint")
    return panel


def within_limits(control: gr.Slider | gr.Number, value: float) -> float:
    """Return the value that the control shows for a recommended one; it offers a narrower range."""
    return min(max(value, control.minimum or 0), control.maximum or value)


def settings_of(
    system_prompt: str | None,
    temperature: float,
    top_p: float,
    top_k: float,
    repetition_penalty: float,
    max_tokens: float | None,
    thinking_budget: float,
    seed: float | None,
) -> tuple[str, SamplingParams]:
    """(system prompt, sampling) as the panel's controls say, in their order; an emptied box means the default.

    What is no number at all is passed on as it came, for the engine to refuse.
    """
    sampling = SamplingParams(
        temperature=temperature,
        top_p=top_p,
        top_k=whole(top_k),
        repetition_penalty=repetition_penalty,
        max_tokens=whole(max_tokens) if max_tokens else SamplingParams().max_tokens,
        thinking_token_budget=budget_of(thinking_budget),
        seed=whole(seed) if seed else None,
    )
    return (system_prompt or "").strip(), sampling
