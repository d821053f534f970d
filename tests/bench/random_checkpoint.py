"""Checkpoints with random weights: the bundled tokenizer and processor around a config of any size.

Such a model measures memory and speed only. It writes ordinary tokens of the bundled tokenizer, and
none that ends an answer, so an answer has the length that a request asks for.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import AutoProcessor, Glm4vConfig, Glm4vForConditionalGeneration

from bench import ROOT
from bench.subject import take_large_pictures, token_ids, unwritten_ids

NANO = ROOT / "assets" / "glm4v-nano"
TRUE_SIZE = ROOT / "tests" / "bench" / "glm-4.1v-9b.json"


def write_checkpoint(
    folder: Path, config: dict[str, Any], device: str = "cpu", layers: int | None = None
) -> int:
    """Write a checkpoint in bfloat16 and return the bytes of one text layer in float32.

    `layers` replaces the config's number of text and vision layers. The weights are made on
    `device`, where random numbers of the 9B's size take seconds instead of minutes.
    """
    processor = AutoProcessor.from_pretrained(NANO)
    config = {**config, **token_ids(processor.tokenizer)}
    if layers is not None:
        config["text_config"] = {**config["text_config"], "num_hidden_layers": layers}
        config["vision_config"] = {**config["vision_config"], "depth": layers}
    torch.manual_seed(0)
    with torch.device(device):
        model = Glm4vForConditionalGeneration._from_config(
            Glm4vConfig.from_dict(config), dtype=torch.bfloat16
        )
    unwritten = unwritten_ids(processor.tokenizer, config["text_config"]["vocab_size"])
    with torch.inference_mode():
        model.lm_head.weight[unwritten] = 0
    model.save_pretrained(folder)
    take_large_pictures(processor)
    copy_processor(processor, folder)
    return sum(weight.numel() for weight in model.model.language_model.layers[0].parameters()) * 4


def copy_processor(processor: Any, folder: Path) -> None:
    """Copy the bundled tokenizer and template, and write the processor's own picture sizes."""
    for file in NANO.iterdir():
        if file.suffix in (".json", ".jinja") and file.name != "config.json":
            shutil.copy(file, folder)
    for part, name in (
        (processor.image_processor, "preprocessor_config.json"),
        (processor.video_processor, "video_preprocessor_config.json"),
    ):
        values = json.loads((folder / name).read_text("utf-8"))
        values["size"] = dict(part.size)
        (folder / name).write_text(json.dumps(values, indent=2))
