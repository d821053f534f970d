"""A Glm4v of a few thousand random weights, fast enough for hundreds of schedules."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from transformers import Glm4vForConditionalGeneration

from webui.engine.execution.kv_cache import CachePlan
from webui.engine.execution.model_runner import ModelRunner

TEXT = {
    "hidden_size": 24,
    "num_attention_heads": 3,
    "num_key_value_heads": 1,
    "num_hidden_layers": 2,
}
VISION = {
    "hidden_size": 16,
    "num_heads": 2,
    "depth": 1,
    "intermediate_size": 16,
    "out_hidden_size": 24,
}


def tiny_model(like: Any) -> Any:
    """Return a small random model with the vocabulary of `like`.

    The weights are large, so that no two tokens are nearly equally likely.
    """
    config = deepcopy(like.config)
    for part, sizes in (
        (config.text_config, TEXT | {"intermediate_size": 32}),
        (config.vision_config, VISION),
    ):
        for name, size in sizes.items():
            setattr(part, name, size)
    config.text_config.rope_parameters |= {"mrope_section": [1, 1, 0], "partial_rotary_factor": 0.5}
    torch.manual_seed(4)
    model = Glm4vForConditionalGeneration(config).eval()
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.4)
    model.generation_config = like.generation_config
    return model


class RememberingRunner(ModelRunner):
    """Builds the prompt of the same messages only once, because the processor is slow."""

    def __init__(
        self, model: Any, processor: Any, plan: CachePlan, prompts: dict, **options: Any
    ) -> None:
        super().__init__(model, processor, plan, **options)
        self._built = prompts

    def build_prompt(self, messages, gone=lambda: False):
        key = tuple(map(id, messages))
        if key not in self._built:
            self._built[key] = super().build_prompt(messages, gone)
        return self._built[key]
