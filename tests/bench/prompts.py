"""Prompts of the benchmark. Each number gives another picture, so that no cache can help."""

from __future__ import annotations

from PIL import Image, ImageDraw

from webui.protocol import FileLabel, ImagePart, Message, ModelInfo, PageLabel, Part, VideoPart

COLOURS = ("red", "green", "blue", "orange", "purple", "black", "gray", "pink")
A4 = (1240, 1754)
PAGES = 20


def ask(*parts: Part) -> tuple[Message, ...]:
    return (Message("user", parts),)


def about_picture(number: int) -> tuple[Message, ...]:
    return ask(picture(number), "What is the colour and the shape? Describe the picture.")


def picture(number: int) -> ImagePart:
    return ImagePart(_circle(number, 224), FileLabel("picture"), "picture")


def clip(number: int) -> VideoPart:
    """Return four frames of a moving circle, half a second apart."""
    frames = tuple(_circle(number, 112, step) for step in range(4))
    return VideoPart(frames, (0.0, 0.5, 1.0, 1.5), "clip.mp4")


def document(number: int, info: ModelInfo) -> tuple[ImagePart, ...]:
    """Return 20 pages of the largest size that fits this model together."""
    size = info.image.split(PAGES, info.media_tokens).fit(*A4)
    return tuple(page(number, index, size) for index in range(1, PAGES + 1))


def _circle(number: int, side: int, step: int = 0) -> Image.Image:
    image = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(image)
    left = side // 10 + 5 * (number % 8) + 4 * step
    draw.ellipse(
        (left, left, left + side // 2, left + side // 2), fill=COLOURS[number % len(COLOURS)]
    )
    _sign(draw, number)
    return image


def page(number: int, index: int, size: tuple[int, int]) -> ImagePart:
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for line in range(2, size[1] // 16 - 1):
        draw.text(
            (16, 16 * line), f"Line {line} of page {index}. " * (size[0] // 140 + 1), fill="black"
        )
    _sign(draw, number)
    return ImagePart(image, PageLabel(index), "report.pdf")


def _sign(draw: ImageDraw.ImageDraw, number: int) -> None:
    """Mark the corner with a colour that only this number has."""
    draw.rectangle((0, 0, 8, 8), fill=(number & 255, number >> 8 & 255, number >> 16 & 255))
