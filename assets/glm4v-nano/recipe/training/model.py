"""The untrained checkpoint: tokenizer, processor files, configuration and random weights.

python -m recipe.training.model FOLDER writes it. The special tokens, the token layout of images and
the kind of rope are those of GLM-4.1V, so that any program that runs the one runs the other. The
sizes are our own.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GenerationConfig,
    Glm4vConfig,
    Glm4vForConditionalGeneration,
    Glm4vImageProcessor,
    Glm4vProcessor,
    Glm4vVideoProcessor,
    PreTrainedTokenizerFast,
)

from recipe.dialogue import ask as asking
from recipe.dialogue import questions as questions
from recipe.dialogue import small_talk as small_talk
from recipe.dialogue import templates as sentences
from recipe.dialogue import vocabulary as phrases

TEMPLATE = Path(__file__).resolve().parents[2] / "chat_template.jinja"
CONTROL_TOKENS = (
    *("<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>"),
    *("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
    *(
        "<|begin_of_image|>",
        "<|end_of_image|>",
        "<|begin_of_video|>",
        "<|end_of_video|>",
        "<|image|>",
        "<|video|>",
    ),
)
# Shown when special tokens are skipped: readers of the text look for them.
MARK_TOKENS = (
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "<|begin_of_box|>",
    "<|end_of_box|>",
    "/nothink",
)
END_TOKENS = ("<|endoftext|>", "<|user|>", "<|observation|>")
CONTEXT_LENGTH = 8192
WAVES = (0.5, 1, 2, 4)  # half periods across a picture
WIDTH = 192
# Glm4v counts the pixels of a picture twice, as two frames: 56 tokens at most. Those of a video are of all its frames.
PICTURE_SIZE = {"shortest_edge": 112 * 112, "longest_edge": 2 * 196 * 224}
VIDEO_SIZE = {"shortest_edge": 112 * 112, "longest_edge": 16 * 140 * 140}


def strings(value: object) -> Iterator[str]:
    """Every string inside nested tuples and dictionaries."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from strings(item)


def vocabulary(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """(English words, Chinese names and characters) that get a token of their own."""
    words: set[str] = set()
    letters: set[str] = set()
    for text in texts:
        found = {word for word in re.findall(r"[A-Za-z]+", text) if len(word) > 1}
        words |= (
            found | {word.lower() for word in found} | {word.lower().capitalize() for word in found}
        )
        letters |= {letter for letter in text if ord(letter) > 127}
    words |= {f"{shape}s" for shape in phrases.SHAPES}
    letters |= {*phrases.COLOURS.values(), *phrases.SHAPES.values()}
    letters |= {moves for _, moves in phrases.DIRECTIONS.values()}
    return sorted(words), sorted(letters)


def phrase_texts() -> Iterator[str]:
    """Everything that the recipe asks and answers."""
    for module in (phrases, questions, small_talk, sentences, asking):
        for name in sorted(vars(module)):
            if name.isupper():
                yield from strings(vars(module)[name])


def build_tokenizer() -> PreTrainedTokenizerFast:
    """One token per known word (with the space before it) or character, else one per byte: any text comes back."""
    words, letters = vocabulary(phrase_texts())
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    whole = [piece for word in words for piece in (word, f" {word}")] + letters
    tokens = alphabet + [
        "".join(part for part, _ in to_bytes.pre_tokenize_str(piece)) for piece in whole
    ]
    ids = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=[], ignore_merges=True))
    english = "|".join(sorted(words, key=lambda word: (-len(word), word)))
    chinese = "|".join(name for name in letters if len(name) > 1)
    pattern = Regex(f"(?: ?(?:{english})(?![A-Za-z]))|{chinese}|[\\s\\S]")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(pattern, "isolated"), to_bytes]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(token, normalized=False, special=True) for token in CONTROL_TOKENS]
    )
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in MARK_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        model_max_length=CONTEXT_LENGTH,
        clean_up_tokenization_spaces=False,
    )


def build_processor() -> Glm4vProcessor:
    return Glm4vProcessor(
        image_processor=Glm4vImageProcessor(size=PICTURE_SIZE),
        tokenizer=build_tokenizer(),
        video_processor=Glm4vVideoProcessor(
            size=VIDEO_SIZE, max_image_size={"longest_edge": VIDEO_SIZE["longest_edge"]}
        ),
        chat_template=TEMPLATE.read_text(),
    )


def build_config(tokenizer: PreTrainedTokenizerFast) -> Glm4vConfig:
    """Small enough for two CPU cores.

    The 16 pairs of a head's channels turn with time, row and column in turn, the quick ones too: with three sections
    in a row, as the large model has them, the column would get the slowest alone and neighbours would look alike.
    """
    number = tokenizer.get_vocab()
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
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
            "mrope_section": [6, 5, 5],
        },
    }
    vision = {
        "depth": 6,
        "hidden_size": 160,
        "num_heads": 5,
        "intermediate_size": 480,
        "out_hidden_size": WIDTH,
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
        image_token_id=number["<|image|>"],
        video_token_id=number["<|video|>"],
        image_start_token_id=number["<|begin_of_image|>"],
        image_end_token_id=number["<|end_of_image|>"],
        video_start_token_id=number["<|begin_of_video|>"],
        video_end_token_id=number["<|end_of_video|>"],
    )


def place_waves(side: int, width: int) -> torch.Tensor:
    """[side * side, width]: where each place of the tower's map is, as waves of size 1 in the first of its numbers."""
    steps = (torch.arange(side) + 0.5) / side
    waves = torch.stack(
        [wave(math.pi * count * steps) for count in WAVES for wave in (torch.sin, torch.cos)], -1
    )
    down, right = waves[:, None].expand(-1, side, -1), waves[None].expand(side, -1, -1)
    table = torch.cat([right, down], -1).reshape(side * side, -1)
    return torch.nn.functional.pad(table, (0, width - table.shape[1]))


def build_model(tokenizer: PreTrainedTokenizerFast) -> Glm4vForConditionalGeneration:
    model = Glm4vForConditionalGeneration(build_config(tokenizer))
    # Every block adds values of size 1 to the stream: words and pictures that start near 0 would drown in it.
    torch.nn.init.normal_(model.get_parameter("model.language_model.embed_tokens.weight"), std=0.5)
    torch.nn.init.normal_(model.get_parameter("model.visual.merger.down_proj.weight"), std=0.3)
    with torch.no_grad():
        # So would places, and nothing that the tower is asked at first brings them out.
        table = model.get_parameter("model.visual.embeddings.position_embedding.weight")
        table.copy_(place_waves(math.isqrt(len(table)), table.shape[1]))
    model.generation_config = GenerationConfig(
        eos_token_id=[tokenizer.convert_tokens_to_ids(token) for token in END_TOKENS],
        pad_token_id=tokenizer.pad_token_id,
        do_sample=False,
    )
    return model


def save(model: Glm4vForConditionalGeneration, processor: Glm4vProcessor, folder: Path) -> None:
    """Half precision on disk; the configuration keeps float32, so that a CPU computes in it."""
    for part in (processor.tokenizer, processor.image_processor, processor.video_processor):
        part.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE.read_text())
    halves = {name: weight.detach().half() for name, weight in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=halves)
    (folder / "model.safetensors").chmod(0o644)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    torch.manual_seed(0)
    processor = build_processor()
    model = build_model(processor.tokenizer)
    save(model, processor, options.folder)
    print(
        f"{sum(weight.numel() for weight in model.parameters()):,} parameters, {len(processor.tokenizer):,} tokens"
    )


if __name__ == "__main__":
    main()
