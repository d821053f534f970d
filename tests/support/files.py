"""Write documents, presentations, videos and pictures."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pymupdf
from PIL import Image
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.shapes import MSO_SHAPE
from pptx.util import Inches

RED = (220, 30, 30)


def make_pdf(path: Path, pages: int = 3, password: str = "") -> Path:
    """Write A4 pages, each with its number and a red square, further right on each page."""
    document = pymupdf.open()
    for index in range(pages):
        page = document.new_page(width=595, height=842)
        page.insert_text((72, 100), f"Page {index + 1}", fontsize=40)
        left = 72 + 60 * index
        page.draw_rect((left, 300, left + 50, 350), color=None, fill=(0.86, 0.12, 0.12))
    options = (
        {"encryption": pymupdf.PDF_ENCRYPT_AES_256, "user_pw": password, "owner_pw": "o"}
        if password
        else {}
    )
    document.save(path, **options)
    return path


def make_report(path: Path, pages: int) -> Path:
    """Write A4 pages full of text."""
    words = "The committee met on Monday and read the report of the previous year, page by page. "
    document = pymupdf.open()
    for number in range(1, pages + 1):
        page = document.new_page(width=595, height=842)
        for line in range(58):
            page.insert_text((60, 50 + 13 * line), f"{number}.{line} {words}", fontsize=10)
    document.save(path)
    return path


def make_deck(path: Path, slides: int = 2) -> Path:
    """Write slides with a title and a big red oval."""
    deck = Presentation()
    for index in range(slides):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = f"Slide {index + 1}"
        oval = slide.shapes.add_shape(MSO_SHAPE.OVAL, Inches(2), Inches(2.5), Inches(4), Inches(4))
        oval.fill.solid()
        oval.fill.fore_color.rgb = RGBColor(*RED)
    deck.save(path)
    return path


def make_video(
    path: Path,
    times: list[float],
    size: tuple[int, int] = (160, 120),
    codec: str = "mpeg4",
    rate: int = 1000,
) -> Path:
    """Write a frame at each of the given times in seconds, from black to white.

    `rate` is the number of ticks a second; some codecs take only few.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=min(rate, 30))
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, rate)
        for index, time in enumerate(times):
            level = 255 * index // max(len(times) - 1, 1)
            frame = av.VideoFrame.from_ndarray(
                np.full((size[1], size[0], 3), level, np.uint8), format="rgb24"
            )
            frame.pts, frame.time_base = round(time * rate), Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def make_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def make_picture(
    path: Path, size: tuple[int, int] = (300, 200), mode: str = "RGB", **options
) -> Path:
    Image.new(mode, size, RED if mode == "RGB" else 0).save(path, **options)
    return path
