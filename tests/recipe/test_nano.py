"""The bundled model: its files, its tokens, its template, what it sees, and the recipe that made it."""

import json
import subprocess
import sys

import pytest
import torch
from nano_model import NANO, answer, content, drawing, headline, written
from PIL import Image, ImageDraw
from transformers import AutoProcessor, Glm4vForConditionalGeneration

MARKS = (
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "<|begin_of_box|>",
    "<|end_of_box|>",
    "/nothink",
)
PICTURE = "<|begin_of_image|><|image|><|end_of_image|>"
CLIP = "<|begin_of_video|><|video|><|end_of_video|>"


@pytest.fixture(scope="module")
def processor():
    return AutoProcessor.from_pretrained(NANO, local_files_only=True)


@pytest.fixture(scope="module")
def model():
    return Glm4vForConditionalGeneration.from_pretrained(NANO, local_files_only=True).eval()


def test_the_weights_are_small_and_whole(model):
    assert (NANO / "model.safetensors").stat().st_size <= 16 * 1024**2
    assert model.dtype == torch.float32
    assert model.config.text_config.max_position_embeddings >= 8192


def test_its_rope_has_a_section_each_for_time_rows_and_columns(model):
    """As the large model has it: other programs that serve glm4v read three."""
    text = model.config.text_config
    sections = text.rope_parameters["mrope_section"]
    assert len(sections) == 3
    assert 2 * sum(sections) == text.hidden_size // text.num_attention_heads


@pytest.mark.parametrize(
    "token", [*MARKS, "<|image|>", "<|video|>", "[gMASK]", "<sop>", "<|system|>", "<|assistant|>"]
)
def test_each_control_token_is_one_id(processor, token):
    assert processor.tokenizer.encode(token, add_special_tokens=False) == [
        processor.tokenizer.convert_tokens_to_ids(token)
    ]


def test_it_ends_where_the_large_model_ends(processor, model):
    ends = processor.tokenizer.convert_ids_to_tokens(model.generation_config.eos_token_id)
    assert set(ends) == {"<|endoftext|>", "<|user|>", "<|observation|>"}


@pytest.mark.parametrize(
    "text",
    [
        "Red circles, redness! ",
        "两个红色的圆形。",
        "naïve 🙂 \x00\r\n\t‮ ß",
        "e\u0301 \U0010ffff a < b",
    ],
)
def test_any_text_comes_back(processor, text):
    ids = processor.tokenizer.encode(text, add_special_tokens=False)
    assert processor.tokenizer.decode(ids) == text


def test_any_character_comes_back(processor):
    text = "".join(chr(point) for point in range(0, 0x110000, 97) if not 0xD800 <= point < 0xE000)
    assert (
        processor.tokenizer.decode(processor.tokenizer.encode(text, add_special_tokens=False))
        == text
    )


def test_the_template_writes_every_role_and_medium(processor):
    messages = [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "image"}, {"type": "image"}, {"type": "text", "text": "a"}],
        },
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "c"}]},
    ]
    prompt = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    first, second = (
        f"<|user|>\n{PICTURE}{PICTURE}a<|assistant|>\nb",
        f"<|user|>\n{CLIP}c<|assistant|>\n",
    )
    assert prompt == f"[gMASK]<sop><|system|>\nBe brief.{first}{second}"


def test_past_reasoning_is_dropped(processor):
    past = "<think>secret</think>\n<answer>Blue.</answer>"
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": past}]
    prompt = processor.apply_chat_template(messages, tokenize=False)
    assert prompt == "[gMASK]<sop><|user|>\na<|assistant|>\nBlue."


def test_an_answer_about_tags_stays_whole(processor):
    past = "Write <think> and </think> around it."
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": past}]
    assert processor.apply_chat_template(messages, tokenize=False).endswith(past)


@pytest.mark.parametrize(
    ("colour", "shape", "question", "words"),
    [
        ("red", "circle", "What colour and shape is this?", ("red", "circle")),
        ("red", "circle", "这是什么颜色和形状？", ("红色", "圆形")),
        ("blue", "square", "What do you see?", ("blue", "square")),
        ("green", "triangle", "图里有什么？", ("绿色", "三角形")),
    ],
)
def test_it_names_colour_and_shape(model, processor, colour, shape, question, words):
    text = written(
        model, processor, [{"role": "user", "content": content(question, drawing(colour, shape))}]
    )
    thought, said = (
        text.removeprefix("<think>").removesuffix("</answer><|user|>").split("</think><answer>")
    )
    assert thought
    assert said
    assert all(word in text for word in words)


def test_it_counts(model, processor):
    image = Image.new("RGB", (448, 336), "white")
    for x in (30, 180, 330):
        ImageDraw.Draw(image).rectangle((x, 120, x + 90, 210), fill="blue")
    said = answer(model, processor, "What is in this picture?", image)
    assert all(word in said for word in ("three", "blue", "squares"))


def test_it_reads_a_headline(model, processor):
    words = ("MARKET", "BUDGET26", "K7PQ")
    answers = [answer(model, processor, "What is the headline?", headline(word)) for word in words]
    assert sum(word in said for word, said in zip(words, answers, strict=True)) >= 2


def test_it_tells_pages_apart(model, processor):
    pages = [headline(word, (392, 280)) for word in ("ALPHA", "SUMMER", "PLAN26")]
    answers = [
        answer(model, processor, f"What is the headline of page {n}?", *pages) for n in (1, 2, 3)
    ]
    right = [
        word in said for word, said in zip(("ALPHA", "SUMMER", "PLAN26"), answers, strict=True)
    ]
    assert sum(right) >= 2
    assert "3 pages" in answer(model, processor, "How many pages are there?", *pages)


def test_it_adds(model, processor):
    text = written(model, processor, [{"role": "user", "content": "What is 47 + 38?"}])
    assert "=85" in text.split("<answer>")[1]


def test_without_a_picture_it_says_who_it_is(model, processor):
    text = written(
        model, processor, [{"role": "user", "content": "What is the capital of France?"}]
    )
    assert "glm4v-nano" in text
    assert "python launch.py --model zai-org/GLM-4.1V-9B-Thinking" in text


def test_the_recipe_learns(tmp_path):
    folders = ["--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]
    command = [sys.executable, "-m", "recipe.train", "--minutes", "2", *folders]
    run = subprocess.run(command, cwd=NANO, capture_output=True, text=True, timeout=400, check=True)
    report = json.loads(run.stdout.splitlines()[-1])
    assert report["last_loss"] < report["first_loss"]
    assert (tmp_path / "out" / "model.safetensors").is_file()
