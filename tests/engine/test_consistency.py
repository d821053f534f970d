"""Checkpoint files that do not fit each other are refused by name before any weight is read."""

import json
import shutil
from copy import deepcopy
from pathlib import Path

import pytest
from nano_model import NANO

from webui.engine.loading.catalog import choose
from webui.engine.loading.checkpoint import read_checkpoint
from webui.engine.loading.loader import load
from webui.engine.models.glm4v.consistency import find_defect
from webui.errors import ModelLoadError

FLAGSHIP_CONFIG = json.loads(
    Path(__file__).parents[1].joinpath("bench", "glm-4.1v-9b.json").read_text("utf-8")
)
ROPE = {"type": "default", "mrope_section": [6, 5, 5]}


@pytest.fixture(scope="module")
def whole():
    checkpoint = read_checkpoint(NANO, "nano")
    tokenizer = json.loads((NANO / "tokenizer.json").read_text("utf-8"))
    tokens = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    shapes = {name: header.shape for name, header in checkpoint.tensors.items()}
    return checkpoint.config, shapes, tokens


def defect_of(whole, change) -> str:
    config, shapes, tokens = deepcopy(whole)
    change(config, shapes, tokens)
    return str(find_defect(config, shapes, tokens) or "")


def set_in(part, **values):
    return lambda config, shapes, tokens: config[part].update(values)


def move_rope(config, place, values):
    del config["text_config"]["rope_parameters"]
    (config if place == "top" else config["text_config"]).update(values)


def test_the_bundled_model_has_no_defect(whole):
    assert find_defect(*whole) is None


def test_the_sections_of_the_9b_model_fit_its_heads(whole):
    _, _, tokens = whole
    config = FLAGSHIP_CONFIG | {"vision_config": None}
    ids = {
        field: tokens[token]
        for field, token in (
            ("image_token_id", "<|image|>"),
            ("video_token_id", "<|video|>"),
            ("image_start_token_id", "<|begin_of_image|>"),
            ("image_end_token_id", "<|end_of_image|>"),
            ("video_start_token_id", "<|begin_of_video|>"),
            ("video_end_token_id", "<|end_of_video|>"),
        )
    }
    assert find_defect(config | ids, {}, tokens) is None


def test_rope_fields_of_older_releases_count_inside_text_config(whole):
    old = {"rope_scaling": ROPE, "rope_theta": 1000.0, "partial_rotary_factor": 1.0}
    assert not defect_of(whole, lambda config, *_: move_rope(config, "text_config", old))


@pytest.mark.parametrize(
    ("values", "field"),
    [({"rope_scaling": ROPE}, "rope_scaling"), ({"rope_parameters": ROPE}, "rope_parameters")],
)
def test_rope_fields_at_the_top_level_are_named(whole, values, field):
    defect = defect_of(whole, lambda config, *_: move_rope(config, "top", values))
    assert defect == (
        f"config.json has {field} at its top level, where it is not read. Move it into text_config."
    )


def test_text_fields_at_the_top_level_are_named(whole):
    defect = defect_of(whole, lambda config, *_: config.update(config.pop("text_config")))
    assert "has hidden_size, num_hidden_layers, num_attention_heads, vocab_size at its" in defect


@pytest.mark.parametrize(
    ("sections", "factor", "numbers"),
    [
        ([6, 5, 4], 1.0, ["6+5+4 = 15", "32 * 1.0 / 2 = 16"]),
        ([6, 5, 5], 0.5, ["6+5+5 = 16", "32 * 0.5 / 2 = 8"]),
    ],
)
def test_sections_that_do_not_fit_the_heads_are_told_with_both_sums(
    whole, sections, factor, numbers
):
    rope = {"mrope_section": sections, "partial_rotary_factor": factor}
    defect = defect_of(whole, set_in("text_config", rope_parameters=rope))
    assert "mrope_section" in defect
    assert all(number in defect for number in numbers)


def test_without_sections_those_of_the_9b_model_must_fit(whole):
    defect = defect_of(whole, lambda config, *_: move_rope(config, "text_config", {}))
    assert "8+12+12 = 32" in defect


@pytest.mark.parametrize(
    "token", ["<|image|>", "<|end_of_video|>", "<|user|>", "<think>", "</think>"]
)
def test_a_token_that_the_tokenizer_lacks_is_named(whole, token):
    defect = defect_of(whole, lambda config, shapes, tokens: tokens.pop(token))
    assert defect == f"tokenizer.json has no {token}. Use the files of one checkpoint."


def test_a_model_without_thoughts_needs_no_tags(whole):
    def remove(config, shapes, tokens):
        del tokens["<think>"], tokens["</think>"]

    assert not defect_of(whole, remove)


@pytest.mark.parametrize(
    "change", [{"image_token_id": 1902}, {"video_start_token_id": None}], ids=str
)
def test_a_token_id_that_the_tokenizer_gives_to_another_is_named(whole, change):
    defect = defect_of(whole, lambda config, *_: config.update(change))
    (field, token_id), *_ = change.items()
    assert f"config.json has {field} = {token_id}, and <|" in defect


def test_a_token_beyond_the_vocabulary_is_named(whole):
    defect = defect_of(whole, set_in("text_config", vocab_size=1909))
    assert "tokenizer.json has /nothink = 1909" in defect
    assert "0..1908" in defect


@pytest.mark.parametrize(
    ("part", "field", "value", "named"),
    [
        ("text_config", "hidden_size", 384, "embed_tokens.weight = 1910 x 192"),
        ("text_config", "intermediate_size", 640, "gate_up_proj.weight = 1024 x 192"),
        ("text_config", "num_key_value_heads", 3, "k_proj.weight = 64 x 192"),
        ("text_config", "vocab_size", 2000, "embed_tokens.weight = 1910 x 192"),
        (
            "text_config",
            "num_hidden_layers",
            5,
            "num_hidden_layers = 5, and model.safetensors gives 4",
        ),
        ("vision_config", "depth", 7, "depth = 7, and model.safetensors gives 6"),
        ("vision_config", "hidden_size", 192, "patch_embed.proj.weight = 160 x 3 x 2 x 14 x 14"),
        ("vision_config", "spatial_merge_size", 4, "downsample.weight = 192 x 160 x 2 x 2"),
    ],
)  # fmt: skip
def test_a_shape_that_config_json_does_not_give_is_named(whole, part, field, value, named):
    # Heads grow with hidden_size, so the rotated pairs stay as they are.
    config = {field: value} | ({"num_attention_heads": 12} if field == "hidden_size" else {})
    assert named in defect_of(whole, set_in(part, **config))


def test_packed_weights_have_other_shapes(whole):
    def pack(config, shapes, tokens):
        config["quantization_config"] = {"load_in_4bit": True}
        shapes["lm_head.weight"] = (7, 1)

    assert not defect_of(whole, pack)


def load_changed(tmp_path, change) -> str:
    """Return why a changed copy of the bundled model is refused; no weight is read before."""
    folder = Path(shutil.copytree(NANO, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text("utf-8"))
    change(config)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    progress = []
    with pytest.raises(ModelLoadError) as caught:
        load(choose(str(folder), "none", None, NANO), "cpu", 2, 512, progress.append)
    assert not progress
    return str(caught.value)


def test_a_defect_stops_loading_before_any_weight_is_read(tmp_path):
    reason = load_changed(tmp_path, lambda config: config.update(image_token_id=5))
    assert reason.startswith("model could not be loaded: config.json has image_token_id = 5")


def test_a_field_of_another_type_is_no_crash(tmp_path):
    def change(config):
        config["text_config"]["rope_parameters"] = "default"

    assert "could not be loaded" in load_changed(tmp_path, change)
