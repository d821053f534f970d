"""How long the model may think: four choices under the composer, and the button that ends a thought.

The budget in the settings is what is sent; a choice only sets it, and is marked while the budget is that of a choice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import gradio as gr

from webui.protocol import THINKING_BUDGETS, THINKING_LEVELS, SamplingParams
from webui.ui.i18n.labels import Labels

# The slider's right end sets no limit: a thought that long would leave nothing of the default for the answer.
UNLIMITED = SamplingParams().max_tokens
SLIDES_TO = {
    level: UNLIMITED if THINKING_BUDGETS[level] is None else THINKING_BUDGETS[level]
    for level in THINKING_LEVELS
}
FIRST = SLIDES_TO["normal"]
# In the browser, so that both move at once.
TO_BUDGET = "(chosen) => chosen"
TO_CHOICE = f"(budget) => {json.dumps(list(SLIDES_TO.values()))}.includes(budget) ? budget : null"


@dataclass(frozen=True, slots=True)
class ThinkingRow:
    levels: gr.Radio
    answer_now: gr.Button


def thinking_row(labels: Labels) -> ThinkingRow:
    with gr.Row(elem_classes="thinking-row"):
        levels = gr.Radio(value=FIRST, min_width=0, scale=0, elem_classes="levels")
        answer_now = gr.Button(
            visible=False, size="sm", min_width=0, scale=0, elem_classes="answer-now"
        )
    labels.add(levels, label="thinking_level")
    labels.add_choices(levels, [(f"think_{level}", budget) for level, budget in SLIDES_TO.items()])
    labels.add(answer_now, value="answer_now")
    return ThinkingRow(levels, answer_now)


def budget_of(slid_to: float) -> int | None:
    """The thinking_token_budget that the slider stands for."""
    return None if slid_to >= UNLIMITED else whole(slid_to)


def whole(number: float) -> Any:
    """The integer that a control's number is; a fraction, NaN or infinity stays what it is, and is in no range."""
    return int(number) if type(number) is float and number.is_integer() else number
