"""The untrained checkpoint: processor, configuration and random weights.

`python -m recipe.training.model FOLDER` writes it. Special tokens, the token layout of images and
the kind of rope are those of GLM-4.1V, so a program that runs one model also runs the other.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
from transformers import (
    GenerationConfig,
    Glm4vConfig,
    Glm4vForConditionalGeneration,
    Glm4vImageProcessor,
    Glm4vProcessor,
    Glm4vVideoProcessor,
    PreTrainedTokenizerFast,
)

from recipe.training.tokenizer import CONTEXT_LENGTH, build_tokenizer

TEMPLATE = Path(__file__).resolve().parents[2] / "chat_template.jinja"
END_TOKENS = ("<|endoftext|>", "<|user|>", "<|observation|>")
HIDDEN_SIZE = 192
HALF_PERIODS = (0.5, 1, 2, 4)  # of the initial position waves, across a picture
# Glm4v counts the pixels of a picture twice, as those of two frames: 56 visual tokens at most.
# The limit of a video is for the pixels of all its frames.
IMAGE_SIZE = {"shortest_edge": 112 * 112, "longest_edge": 2 * 196 * 224}
VIDEO_SIZE = {"shortest_edge": 112 * 112, "longest_edge": 16 * 140 * 140}


def build_processor() -> Glm4vProcessor:
    return Glm4vProcessor(
        image_processor=Glm4vImageProcessor(size=IMAGE_SIZE),
        tokenizer=build_tokenizer(),
        video_processor=Glm4vVideoProcessor(
            size=VIDEO_SIZE, max_image_size={"longest_edge": VIDEO_SIZE["longest_edge"]}
        ),
        chat_template=TEMPLATE.read_text(),
    )


def build_config(tokenizer: PreTrainedTokenizerFast) -> Glm4vConfig:
    """Return a configuration that is small enough to train on two CPU cores."""
    token_ids = tokenizer.get_vocab()
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN_SIZE,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT_LENGTH,
        "initializer_range": 0.05,
        "pad_token_id": tokenizer.pad_token_id,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1000.0,
            "partial_rotary_factor": 1.0,
            # Channel pairs that rotate with time, row and column, as in the large model.
            "mrope_section": [6, 5, 5],
        },
    }
    vision = {
        "depth": 6,
        "hidden_size": 160,
        "num_heads": 5,
        "intermediate_size": 480,
        "out_hidden_size": HIDDEN_SIZE,
        "image_size": 224,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "initializer_range": 0.05,
        "rope_parameters": {"rope_type": "axial", "rope_theta": 10000.0},
    }
    return Glm4vConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=token_ids["<|image|>"],
        video_token_id=token_ids["<|video|>"],
        image_start_token_id=token_ids["<|begin_of_image|>"],
        image_end_token_id=token_ids["<|end_of_image|>"],
        video_start_token_id=token_ids["<|begin_of_video|>"],
        video_end_token_id=token_ids["<|end_of_video|>"],
    )


def position_waves(side: int, width: int) -> torch.Tensor:
    """Return [side * side, width]: the initial position table of the vision encoder.

    The first channels of each position are waves of amplitude 1 along its row and its column; the
    other channels are 0.
    """
    steps = (torch.arange(side) + 0.5) / side
    waves = []
    for half_periods in HALF_PERIODS:
        waves += [
            torch.sin(math.pi * half_periods * steps),
            torch.cos(math.pi * half_periods * steps),
        ]
    table = torch.stack(waves, -1)
    down = table[:, None].expand(-1, side, -1)
    right = table[None].expand(side, -1, -1)
    positions = torch.cat([right, down], -1).reshape(side * side, -1)
    return torch.nn.functional.pad(positions, (0, width - positions.shape[1]))


def build_model(tokenizer: PreTrainedTokenizerFast) -> Glm4vForConditionalGeneration:
    """Return a model of random weights, from torch's global generator."""
    model = Glm4vForConditionalGeneration(build_config(tokenizer))
    # Every block adds values of about 1 to the residual stream. Embeddings of tokens, pictures and
    # positions that start near 0 would be lost in it.
    torch.nn.init.normal_(model.get_parameter("model.language_model.embed_tokens.weight"), std=0.5)
    torch.nn.init.normal_(model.get_parameter("model.visual.merger.down_proj.weight"), std=0.3)
    with torch.no_grad():
        table = model.get_parameter("model.visual.embeddings.position_embedding.weight")
        table.copy_(position_waves(math.isqrt(len(table)), table.shape[1]))
    model.generation_config = GenerationConfig(
        eos_token_id=[tokenizer.convert_tokens_to_ids(token) for token in END_TOKENS],
        pad_token_id=tokenizer.pad_token_id,
        do_sample=False,
    )
    return model


def save(model: Glm4vForConditionalGeneration, processor: Glm4vProcessor, folder: Path) -> None:
    """Write a checkpoint whose weights are in half precision.

    The configuration keeps float32, so that a CPU computes in it.
    """
    for part in (processor.tokenizer, processor.image_processor, processor.video_processor):
        part.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE.read_text())
    weights = {name: weight.detach().half() for name, weight in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=weights)
    (folder / "model.safetensors").chmod(0o644)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the untrained checkpoint.")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    torch.manual_seed(0)
    processor = build_processor()
    model = build_model(processor.tokenizer)
    save(model, processor, options.folder)
    parameters = sum(weight.numel() for weight in model.parameters())
    print(f"{parameters:,} parameters, {len(processor.tokenizer):,} tokens")


if __name__ == "__main__":
    main()
