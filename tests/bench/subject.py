"""The model under test: a checkpoint as the product loads it, or random weights of a given shape.

Random weights measure speed only. With the bundled tokenizer, they generate its ordinary tokens and
nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, Glm4vConfig

from bench import ROOT
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.loading.catalog import FLAGSHIP, choose
from webui.engine.loading.download import fetch_checkpoint
from webui.engine.loading.loader import LoadedRunner, load, plan_for
from webui.engine.models.families import FAMILIES
from webui.engine.planning.plan import PlanOptions, plan_cache
from webui.engine.serving.engine import LocalEngine
from webui.protocol import ModelInfo

NANO = ROOT / "assets" / "glm4v-nano"
CPU_CACHE_BYTES = 4 * 1024**3
GPU_RESERVE_BYTES = 4 * 1024**3
KNOWN_IDS = {
    "image_token_id": "<|image|>",
    "video_token_id": "<|video|>",
    "image_start_token_id": "<|begin_of_image|>",
    "image_end_token_id": "<|end_of_image|>",
    "video_start_token_id": "<|begin_of_video|>",
    "video_end_token_id": "<|end_of_video|>",
}


def checkpoint(
    model: str, quantization: str, device: str, slots: int, context: int
) -> LoadedRunner:
    choice = choose(
        model,
        quantization,
        plan_for(FLAGSHIP.needs, PlanOptions(device, quantization, slots, context)),
        NANO,
    )
    folder = fetch_checkpoint(choice.source, choice.info.name, lambda progress: None)
    return load(replace(choice, source=str(folder)), device, slots, context, lambda progress: None)


def random_weights(path: Path, device: str, slots: int, context: int) -> LoadedRunner:
    """Return a model of the shape in that config.json, with weights made on the device."""
    device = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    processor = AutoProcessor.from_pretrained(NANO)
    config = _config(path, processor.tokenizer)
    take_large_pictures(processor)
    torch.manual_seed(0)
    with torch.device(device):
        dtype = torch.float32 if device == "cpu" else torch.bfloat16
        model = AutoModelForImageTextToText.from_config(config, dtype=dtype)
    with torch.inference_mode():
        model.lm_head.weight[unwritten_ids(processor.tokenizer, config.text_config.vocab_size)] = 0
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    known = ModelInfo(f"random {path.stem}", 0, frame=FLAGSHIP.info.frame)
    info = FAMILIES[config.model_type].describe(known, config, processor)
    free = torch.cuda.mem_get_info()[0] - GPU_RESERVE_BYTES if device != "cpu" else CPU_CACHE_BYTES
    plan = plan_cache(
        free, _bytes_per_token(model), info.context_length, slots=slots, context=context
    )
    info = replace(info, context_length=plan.context_length)
    name = torch.cuda.get_device_name() if device != "cpu" else "CPU"
    return LoadedRunner(
        ModelRunner(model, processor, plan), info, name, model.get_memory_footprint()
    )


@contextmanager
def engine_of(
    loaded: LoadedRunner, wrap: Callable[[Any], Any] = lambda runner: runner
) -> Iterator[LocalEngine]:
    """Yield an engine whose answers have the requested length: no token ends them.

    `wrap` may return a runner around the model's.
    """
    runner = loaded.runner
    control = runner.control
    runner.control = replace(control, end=frozenset())
    engine = LocalEngine(wrap(runner))
    try:
        yield engine
    finally:
        engine.close()
        runner.control = control


def _config(path: Path, tokenizer: Any) -> Glm4vConfig:
    file = path / "config.json" if path.is_dir() else path
    values = json.loads(file.read_text("utf-8"))
    return Glm4vConfig(**values | token_ids(tokenizer))


def token_ids(tokenizer: Any) -> dict[str, int]:
    """Return the fields of a config that name this tokenizer's control tokens."""
    return {name: tokenizer.convert_tokens_to_ids(token) for name, token in KNOWN_IDS.items()}


def take_large_pictures(processor: Any) -> None:
    """Replace the bundled model's pixel limits by the flagship's.

    Glm4v counts an image twice, as two frames.
    """
    limits = FLAGSHIP.info.image
    size = {"shortest_edge": 2 * limits.min_pixels, "longest_edge": 2 * limits.max_pixels}
    processor.image_processor.size = size
    processor.video_processor.size = size


def unwritten_ids(tokenizer: Any, vocabulary: int) -> list[int]:
    """Return the ids without text: control tokens and padding. Their logits of 0 never win."""
    added = tokenizer.get_added_vocab().values()
    return [*added, *range(len(tokenizer), vocabulary)]


def _bytes_per_token(model: Any) -> int:
    text = model.config.text_config
    head_dim = text.hidden_size // text.num_attention_heads
    return 2 * text.num_hidden_layers * text.num_key_value_heads * head_dim * model.dtype.itemsize
