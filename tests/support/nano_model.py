"""Images for the bundled model, and its answers about them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pymupdf
import torch
from PIL import Image, ImageDraw, ImageFont

NANO = Path(__file__).parents[2] / "assets" / "glm4v-nano"


def draw_shape(colour: str, shape: str, size: tuple[int, int] = (400, 300)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    x, y, radius = size[0] // 2, size[1] // 2, min(size) // 3
    pen = ImageDraw.Draw(image)
    left, top, right, bottom = x - radius, y - radius, x + radius, y + radius
    if shape == "circle":
        pen.ellipse((left, top, right, bottom), fill=colour)
    elif shape == "square":
        pen.rectangle((left, top, right, bottom), fill=colour)
    else:
        pen.polygon(((x, top), (right, bottom), (left, bottom)), fill=colour)
    return image


def draw_squares(count: int) -> Image.Image:
    image = Image.new("RGB", (448, 336), "white")
    for index in range(count):
        left = 30 + 150 * index
        ImageDraw.Draw(image).rectangle((left, 120, left + 90, 210), fill="blue")
    return image


def draw_headline(
    text: str, size: tuple[int, int] = (476, 336), font: str = "hebo", height: int = 44
) -> Image.Image:
    """Return a slide with a headline of `height` pixels and nothing else."""
    image = Image.new("RGB", size, "white")
    face = ImageFont.truetype(io.BytesIO(pymupdf.Font(font).buffer), height)
    ImageDraw.Draw(image).text((24, 20), text, fill="black", font=face)
    return image


def ask_about(question: str, *images: Image.Image) -> list[dict]:
    """Return a conversation of one question, about pictures or about none."""
    if not images:
        return [{"role": "user", "content": question}]
    pictures = [{"type": "image", "image": image} for image in images]
    return [{"role": "user", "content": [*pictures, {"type": "text", "text": question}]}]


@torch.inference_mode()
def generate_outputs(model: Any, processor: Any, conversations: list[list[dict]]) -> list[str]:
    """Return the model's outputs in one batch: greedy, with control tokens, without padding."""
    inputs = processor.apply_chat_template(
        conversations,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        add_generation_prompt=True,
        processor_kwargs={"padding": True},
    )
    output = model.generate(**inputs, max_new_tokens=200, do_sample=False)
    texts = processor.tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :])
    return [text.replace(processor.tokenizer.pad_token, "") for text in texts]


def extract_answer(text: str) -> str:
    """Return the answer of an output; fail if the output is not in the model's format."""
    inner = text.removeprefix("<think>").removesuffix("</answer><|user|>")
    assert len(inner) == len(text) - len("<think></answer><|user|>")
    thought, answer = inner.split("</think><answer>")
    assert thought
    return answer
