"""The control tokens of Glm4v: tags around the thought and the answer, and their token ids.

The tags are those of the chat template of zai-org/GLM-4.1V-9B-Thinking.
"""

from __future__ import annotations

from typing import Any

from webui.engine.reasoning.tags import ReasoningTags
from webui.engine.sequence import ControlIds

TAGS = ReasoningTags(
    think="<think>",
    end_think="</think>",
    answer="<answer>",
    end_answer="</answer>",
    hidden=(
        "<|begin_of_box|>",
        "<|end_of_box|>",
        "<|endoftext|>",
        "<|user|>",
        "<|observation|>",
        "<|assistant|>",
    ),
)


def read_control_ids(tokenizer: Any, eos_token_id: int | list[int] | None) -> ControlIds:
    """Return the control ids of a checkpoint; those of the thought only if its tokenizer has them.

    `eos_token_id` is that of its generation_config.json.
    """
    if eos_token_id is None:
        end = frozenset({tokenizer.eos_token_id})
    elif isinstance(eos_token_id, int):
        end = frozenset({eos_token_id})
    else:
        end = frozenset(eos_token_id)
    added = tokenizer.get_added_vocab()
    if TAGS.think not in added or TAGS.end_think not in added:
        return ControlIds(end)
    answer = f"\n{TAGS.answer}" if TAGS.answer in added else "\n"

    def encode(text: str) -> tuple[int, ...]:
        return tuple(tokenizer.encode(text, add_special_tokens=False))

    return ControlIds(
        end,
        added[TAGS.think],
        added[TAGS.end_think],
        encode(f"{TAGS.think}{TAGS.end_think}{answer}"),
        encode(f"{TAGS.end_think}{answer}"),
    )
