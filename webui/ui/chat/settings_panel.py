"""The settings of a conversation: the folded panel, and how long the model may think.

The controls offer a part of what SAMPLING_RANGES allows. A program may send other values: Gradio
refuses what is outside a control's limits, and the engine refuses the rest by the name of the
field.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import gradio as gr

from webui.protocol import (
    SAMPLING_RANGES,
    THINKING_BUDGETS,
    THINKING_LEVELS,
    ModelInfo,
    SamplingParams,
)
from webui.ui.i18n.labels import Labels

MAX_SEED = 2**31 - 1
# The settings that a model recommends.
RECOMMENDED = ("temperature", "top_p", "top_k", "repetition_penalty", "max_tokens")
# The right end of the slider sets no limit: a thought that long would leave nothing of the default
# max_tokens for the answer.
UNLIMITED = SamplingParams().max_tokens
SLIDER_BUDGETS = {
    level: UNLIMITED if THINKING_BUDGETS[level] is None else THINKING_BUDGETS[level]
    for level in THINKING_LEVELS
}
DEFAULT_BUDGET = SLIDER_BUDGETS["normal"]
# These run in the browser: the choice and the slider move at once, and the choice is remembered.
BUDGET_OF_LEVEL = "chatPreferences.rememberBudget"
LEVEL_OF_BUDGET = (
    f"(budget) => chatPage.levelOfBudget(budget, {json.dumps(list(SLIDER_BUDGETS.values()))})"
)


def remembered_budgets(count: int) -> str:
    """Return the JavaScript that gives each of `count` controls the budget chosen before."""
    offered = json.dumps(list(SLIDER_BUDGETS.values()))
    return f"() => chatPreferences.budgets({offered}, {DEFAULT_BUDGET}, {count})"


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
        """The controls in the order of `settings_of`'s parameters."""
        return [getattr(self, name) for name in self.__slots__]


@dataclass(frozen=True, slots=True)
class ThinkingControls:
    """The four levels of thinking, and the button that ends a thought.

    The budget in the settings is what is sent: a level only sets it, and is marked while the budget
    is that of a level.
    """

    levels: gr.Radio
    answer_now: gr.Button


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
            gr.Slider(0, UNLIMITED, DEFAULT_BUDGET, step=1, buttons=[]),
            # 0 means none: the browser turns an empty number into 0 when the panel is opened.
            gr.Number(0, minimum=0, maximum=MAX_SEED, precision=0),
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


def thinking_controls(labels: Labels) -> ThinkingControls:
    with gr.Row(elem_classes="thinking-row"):
        levels = gr.Radio(value=DEFAULT_BUDGET, min_width=0, scale=0, elem_classes="levels")
        answer_now = gr.Button(
            visible=False, size="sm", min_width=0, scale=0, elem_classes="answer-now"
        )
    labels.add(levels, label="thinking_level")
    choices = [(f"think_{level}", budget) for level, budget in SLIDER_BUDGETS.items()]
    labels.add_choices(levels, choices)
    labels.add(answer_now, value="answer_now")
    return ThinkingControls(levels, answer_now)


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
    """Return (system prompt, sampling) for the values of the controls; an empty box is the default.

    Values that are not numbers pass through unchanged, for the engine to refuse.
    """
    sampling = SamplingParams(
        temperature=temperature,
        top_p=top_p,
        top_k=to_integer(top_k),
        repetition_penalty=repetition_penalty,
        max_tokens=to_integer(max_tokens) if max_tokens else SamplingParams().max_tokens,
        thinking_token_budget=budget_of(thinking_budget),
        seed=to_integer(seed) if seed else None,
    )
    return (system_prompt or "").strip(), sampling


def budget_of(slider_value: float) -> int | None:
    """Return the thinking_token_budget at a position of the slider."""
    return None if slider_value >= UNLIMITED else to_integer(slider_value)


def to_integer(number: float) -> Any:
    """Return the integer that a control's number is.

    A fraction, NaN or infinity stays as it is: no range contains it.
    """
    return int(number) if type(number) is float and number.is_integer() else number
