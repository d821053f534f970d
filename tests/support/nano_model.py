"""The bundled model as tests use it: what it writes about pictures that are drawn here."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pymupdf
import torch
from PIL import Image, ImageDraw, ImageFont

NANO = Path(__file__).parents[2] / "assets" / "glm4v-nano"


def drawing(colour: str, shape: str, size: tuple[int, int] = (400, 300)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    x, y, r = size[0] // 2, size[1] // 2, min(size) // 3
    pen = ImageDraw.Draw(image)
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    elif shape == "square":
        pen.rectangle((x - r, y - r, x + r, y + r), fill=colour)
    else:
        pen.polygon(((x, y - r), (x + r, y + r), (x - r, y + r)), fill=colour)
    return image


def content(question: str, *images: Image.Image) -> list[dict]:
    return [
        *({"type": "image", "image": image} for image in images),
        {"type": "text", "text": question},
    ]


@torch.inference_mode()
def written(model: Any, processor: Any, messages: list[dict]) -> str:
    """What the model writes, greedily, with its control tokens."""
    inputs = processor.apply_chat_template(
        messages, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True
    )
    output = model.generate(**inputs, max_new_tokens=200)
    return processor.tokenizer.decode(output[0, inputs["input_ids"].shape[1] :])


def answer(model: Any, processor: Any, question: str, *images: Image.Image) -> str:
    """The answer to one question about those pictures; fails if what was written is not in its form."""
    text = written(model, processor, [{"role": "user", "content": content(question, *images)}])
    thought, said = (
        text.removeprefix("<think>").removesuffix("</answer><|user|>").split("</think><answer>")
    )
    assert thought
    return said


def headline(
    text: str, size: tuple[int, int] = (476, 336), font: str = "hebo", height: int = 44
) -> Image.Image:
    """A slide with a headline and nothing else; `height` is the size of the type, in pixels."""
    image = Image.new("RGB", size, "white")
    face = ImageFont.truetype(io.BytesIO(pymupdf.Font(font).buffer), height)
    ImageDraw.Draw(image).text((24, 20), text, fill="black", font=face)
    return image
