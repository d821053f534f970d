"""The bundled checkpoint: its files, its tokenizer and its chat template."""

import pytest
import torch
from nano_model import NANO

FILES = {
    "README.md",
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "video_preprocessor_config.json",
}
TAGS = (
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "<|begin_of_box|>",
    "<|end_of_box|>",
    "/nothink",
)
CONTROL_TOKENS = ("<|image|>", "<|video|>", "[gMASK]", "<sop>", "<|system|>", "<|assistant|>")
IMAGE = "<|begin_of_image|><|image|><|end_of_image|>"
VIDEO = "<|begin_of_video|><|video|><|end_of_video|>"


def test_the_folder_holds_the_checkpoint_and_its_recipe_only():
    assert {path.name for path in NANO.iterdir() if path.is_file()} == FILES
    folders = {path.name for path in NANO.iterdir() if path.is_dir()}
    caches = {name for name in folders if name.startswith((".", "__"))}
    assert folders - caches == {"recipe"}


def test_the_weights_are_small_and_load_in_single_precision(model):
    assert (NANO / "model.safetensors").stat().st_size <= 16 * 1024**2
    assert model.dtype == torch.float32
    assert model.config.text_config.max_position_embeddings >= 8192


def test_its_rope_has_a_section_each_for_time_rows_and_columns(model):
    """Other programs that serve glm4v read three sections, as the large model has them."""
    text = model.config.text_config
    sections = text.rope_parameters["mrope_section"]
    assert len(sections) == 3
    assert 2 * sum(sections) == text.hidden_size // text.num_attention_heads


@pytest.mark.parametrize("token", [*TAGS, *CONTROL_TOKENS])
def test_each_control_token_is_one_id(processor, token):
    tokenizer = processor.tokenizer
    ids = tokenizer.encode(token, add_special_tokens=False)
    assert ids == [tokenizer.convert_tokens_to_ids(token)]


def test_its_end_tokens_are_those_of_the_large_model(processor, model):
    ends = processor.tokenizer.convert_ids_to_tokens(model.generation_config.eos_token_id)
    assert set(ends) == {"<|endoftext|>", "<|user|>", "<|observation|>"}


@pytest.mark.parametrize(
    "text",
    [
        "Red circles, redness! ",
        "两个红色的圆形。",
        "naïve 🙂 \x00\r\n\t‮ ß",
        "e\u0301 \U0010ffff a < b",
        "".join(chr(point) for point in range(0, 0x110000, 97) if not 0xD800 <= point < 0xE000),
    ],
    ids=["English", "Chinese", "symbols", "combining", "every 97th character"],
)
def test_any_text_decodes_to_itself(processor, text):
    ids = processor.tokenizer.encode(text, add_special_tokens=False)
    assert processor.tokenizer.decode(ids) == text


def test_the_template_writes_every_role_and_medium(processor):
    pictures = [{"type": "image"}, {"type": "image"}, {"type": "text", "text": "a"}]
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": pictures},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "c"}]},
    ]
    prompt = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert prompt == (
        "[gMASK]<sop><|system|>\nBe brief."
        f"<|user|>\n{IMAGE}{IMAGE}a<|assistant|>\nb"
        f"<|user|>\n{VIDEO}c<|assistant|>\n"
    )


def test_the_template_drops_past_reasoning(processor):
    past = "<think>secret</think>\n<answer>Blue.</answer>"
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": past}]
    prompt = processor.apply_chat_template(messages, tokenize=False)
    assert prompt == "[gMASK]<sop><|user|>\na<|assistant|>\nBlue."


def test_the_template_keeps_an_answer_about_tags_whole(processor):
    past = "Write <think> and </think> around it."
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": past}]
    assert processor.apply_chat_template(messages, tokenize=False).endswith(past)
