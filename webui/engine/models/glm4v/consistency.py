"""Whether the files of a Glm4v checkpoint fit each other, judged before any weight is read.

transformers fills what a config.json leaves out with the values of the 9B model, and ignores fields
in the wrong place. Such a checkpoint loads and then fails, or answers nonsense. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from webui.engine.models.glm4v.control_tokens import TAGS
from webui.reasons import FilesDisagree, MisplacedField, MissingTokens, Reason

Shapes = Mapping[str, tuple[int, ...]]

CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
# Defaults of transformers: Glm4vConfig and its parts, Glm4vTextRotaryEmbedding.
DEFAULT_SECTIONS = (8, 12, 12)
DEFAULT_VOCABULARY = 151_552
TOKENS_BY_FIELD = {
    "image_token_id": ("<|image|>", 151_343),
    "video_token_id": ("<|video|>", 151_344),
    "image_start_token_id": ("<|begin_of_image|>", 151_339),
    "image_end_token_id": ("<|end_of_image|>", 151_340),
    "video_start_token_id": ("<|begin_of_video|>", 151_341),
    "video_end_token_id": ("<|end_of_video|>", 151_342),
}
# The chat template writes a turn with these.
TURN_TOKENS = ("<|user|>", "<|assistant|>")
TEXT_FIELDS = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")


def find_defect(
    config: Mapping[str, Any], shapes: Shapes, added_tokens: Mapping[str, int]
) -> Reason | None:
    """Return the first defect of a checkpoint, or None.

    `config` is its config.json, `shapes` those of its tensors by name, and `added_tokens` the ids
    of its tokenizer's added tokens.
    """
    text, vision = config.get("text_config"), config.get("vision_config")
    if not isinstance(text, Mapping):
        misplaced = [field for field in TEXT_FIELDS if field in config]
        return MisplacedField(CONFIG, ", ".join(misplaced or TEXT_FIELDS), "text_config")
    defects = [*find_rope_defects(config, text), *find_token_defects(config, text, added_tokens)]
    if defects:
        return defects[0]
    # Weights that were saved packed have other shapes.
    if "quantization_config" in config or not isinstance(vision, Mapping):
        return None
    return next(find_shape_defects(text, vision, shapes), None)


def find_rope_defects(config: Mapping[str, Any], text: Mapping[str, Any]) -> Iterator[Reason]:
    """Check the sections of M-RoPE, which divide the rotated half of a head among three axes.

    Configs of older releases have `rope_scaling` in place of `rope_parameters`, and the factor
    beside it. Both count inside text_config only.
    """
    rope = text.get("rope_parameters") or text.get("rope_scaling") or {}
    for field in ("rope_parameters", "rope_scaling"):
        if "mrope_section" not in rope and field in config:
            yield MisplacedField(CONFIG, field, "text_config")
            return
    head_dim = head_dim_of(text)
    factor = rope.get("partial_rotary_factor", text.get("partial_rotary_factor", 1.0))
    sections = rope.get("mrope_section", DEFAULT_SECTIONS)
    rotated_pairs = int(head_dim * factor) // 2
    if sum(sections) != rotated_pairs:
        yield FilesDisagree(
            file=CONFIG,
            field="sum(text_config.rope_parameters.mrope_section)",
            found=f"{'+'.join(map(str, sections))} = {sum(sections)}",
            source="head_dim * partial_rotary_factor / 2",
            expected=f"{head_dim} * {factor} / 2 = {rotated_pairs}",
        )


def find_token_defects(
    config: Mapping[str, Any], text: Mapping[str, Any], added_tokens: Mapping[str, int]
) -> Iterator[Reason]:
    """Check that config.json and the tokenizer mean the same tokens."""
    tokens = [*(token for token, _ in TOKENS_BY_FIELD.values()), *TURN_TOKENS]
    if TAGS.think in added_tokens or TAGS.end_think in added_tokens:
        tokens += [TAGS.think, TAGS.end_think]
    missing = [token for token in tokens if token not in added_tokens]
    if missing:
        yield MissingTokens(TOKENIZER, ", ".join(missing))
        return
    for field, (token, default) in TOKENS_BY_FIELD.items():
        token_id = config.get(field, default)
        if token_id != added_tokens[token]:
            source = f"{token} of {TOKENIZER}"
            yield FilesDisagree(CONFIG, field, str(token_id), source, str(added_tokens[token]))
    vocabulary = text.get("vocab_size", DEFAULT_VOCABULARY)
    for token, token_id in added_tokens.items():
        if token_id >= vocabulary:
            source = f"text_config.vocab_size of {CONFIG}"
            yield FilesDisagree(TOKENIZER, token, str(token_id), source, f"0..{vocabulary - 1}")


def find_shape_defects(
    text: Mapping[str, Any], vision: Mapping[str, Any], shapes: Shapes
) -> Iterator[Reason]:
    """Check a tensor for each size in config.json, and that the last layers are there."""
    layers, depth = text["num_hidden_layers"], vision.get("depth", 24)
    for part, field, count in (
        (".layers.", "text_config.num_hidden_layers", layers),
        (".blocks.", "vision_config.depth", depth),
    ):
        found = count_layers(shapes, part)
        if found != count:
            yield FilesDisagree(CONFIG, field, str(count), WEIGHTS, str(found))
    for name, expected in expected_shapes(text, vision).items():
        shape = next((shape for key, shape in shapes.items() if key.endswith(name)), None)
        # Missing tensors are reported by the loading of weights, which knows older names.
        if shape is not None and shape != expected:
            yield FilesDisagree(WEIGHTS, name, dimensions(shape), CONFIG, dimensions(expected))


def expected_shapes(text: Mapping[str, Any], vision: Mapping[str, Any]) -> Shapes:
    """Return the shapes of tensors by the ends of their names."""
    hidden, head_dim = text["hidden_size"], head_dim_of(text)
    heads = text["num_attention_heads"]
    kv_heads = text.get("num_key_value_heads") or heads
    inner = text["intermediate_size"]
    vocabulary = text.get("vocab_size", DEFAULT_VOCABULARY)
    vision_hidden, patch = vision.get("hidden_size", 1536), vision.get("patch_size", 14)
    merge = vision.get("spatial_merge_size", 2)
    frames = vision.get("temporal_patch_size", 2)
    channels = vision.get("in_channels", 3)
    return {
        "embed_tokens.weight": (vocabulary, hidden),
        "lm_head.weight": (vocabulary, hidden),
        ".layers.0.self_attn.q_proj.weight": (heads * head_dim, hidden),
        ".layers.0.self_attn.k_proj.weight": (kv_heads * head_dim, hidden),
        ".layers.0.self_attn.o_proj.weight": (hidden, heads * head_dim),
        ".layers.0.mlp.gate_up_proj.weight": (2 * inner, hidden),
        ".layers.0.mlp.down_proj.weight": (hidden, inner),
        "patch_embed.proj.weight": (vision_hidden, channels, frames, patch, patch),
        ".blocks.0.attn.qkv.weight": (3 * vision_hidden, vision_hidden),
        # The merged patches take the place of token embeddings: as wide as hidden_size.
        "downsample.weight": (hidden, vision_hidden, merge, merge),
    }


def head_dim_of(text: Mapping[str, Any]) -> int:
    return int(text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"])


def count_layers(shapes: Shapes, part: str) -> int:
    """Return how many numbers follow `part` in the names of tensors."""
    return len({name.partition(part)[2].partition(".")[0] for name in shapes if part in name})


def dimensions(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
