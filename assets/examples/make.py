"""Makes the example files beside this script: python assets/examples/make.py

Simple drawings on purpose: the bundled model knows colours, shapes and small numbers.
"""

from __future__ import annotations

import math
from pathlib import Path

import av
import pymupdf
from PIL import Image, ImageDraw
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.shapes import MSO_SHAPE
from pptx.util import Emu, Inches, Pt

HERE = Path(__file__).resolve().parent
COLOURS = {
    "red": (214, 40, 40),
    "green": (46, 150, 70),
    "blue": (40, 90, 210),
    "orange": (240, 140, 20),
    "purple": (130, 60, 170),
    "yellow": (245, 205, 40),
}
CARD = (320, 200)
SCALE = 3  # drawn larger and shrunk, so that edges are smooth


def outline(shape: str, x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """The corners of a shape around (x, y)."""
    turns = {"triangle": (3, -90), "square": (4, -45), "circle": (90, 0)}
    corners, start = turns[shape]
    angles = [math.radians(start + 360 * index / corners) for index in range(corners)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


def drawing(size: tuple[int, int], shapes: list[tuple[str, str, float, float, float]]) -> Image.Image:
    """Shapes (colour, kind, x, y, radius), all as shares of the size, on white."""
    width, height = size[0] * SCALE, size[1] * SCALE
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    for colour, kind, x, y, radius in shapes:
        pen.polygon(outline(kind, x * width, y * height, radius * min(width, height)), fill=COLOURS[colour])
    return image.resize(size, Image.Resampling.LANCZOS)


def save_picture(name: str, shapes: list[tuple[str, str, float, float, float]]) -> None:
    drawing((448, 448), shapes).save(HERE / f"{name}.png", optimize=True)


def save_video(name: str, colour: str, shape: str, seconds: int = 4, rate: int = 12) -> None:
    with av.open(str(HERE / f"{name}.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "20"})
        stream.width, stream.height, stream.pix_fmt = 336, 336, "yuv420p"
        for index in range(seconds * rate):
            share = index / (seconds * rate - 1)
            place = (0.2 + 0.6 * share, 0.5 + 0.15 * math.sin(2 * math.pi * share))
            image = drawing((336, 336), [(colour, shape, *place, 0.17)])
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode())


def save_pdf(name: str, pages: list[tuple[str, str]]) -> None:
    document = pymupdf.open()
    for number, (colour, shape) in enumerate(pages, 1):
        page = document.new_page(width=420, height=420)
        page.insert_text((40, 60), f"Page {number}", fontsize=28)
        corners = [pymupdf.Point(*point) for point in outline(shape, 210, 240, 120)]
        fill = [channel / 255 for channel in COLOURS[colour]]
        page.draw_polyline(corners, fill=fill, color=fill, closePath=True)
    document.save(HERE / f"{name}.pdf", garbage=4, deflate=True, no_new_id=True)


def save_deck(name: str, slides: list[tuple[str, str]]) -> None:
    kinds = {"triangle": MSO_SHAPE.ISOSCELES_TRIANGLE, "square": MSO_SHAPE.RECTANGLE, "circle": MSO_SHAPE.OVAL}
    deck = Presentation()
    deck.slide_width = deck.slide_height = Inches(6)
    for number, (colour, shape) in enumerate(slides, 1):
        slide = deck.slides.add_slide(deck.slide_layouts[6])
        box = slide.shapes.add_textbox(Inches(0.5), Inches(0.3), Inches(5), Inches(0.8))
        box.text_frame.text = f"Slide {number}"
        box.text_frame.paragraphs[0].font.size = Pt(32)
        side = Emu(Inches(3.4))
        drawn = slide.shapes.add_shape(kinds[shape], Inches(1.3), Inches(1.7), side, side)
        drawn.fill.solid()
        drawn.fill.fore_color.rgb = RGBColor(*COLOURS[colour])
        drawn.line.fill.background()
    deck.save(str(HERE / f"{name}.pptx"))


def save_card(name: str, shapes: list[tuple[str, str, float, float, float]]) -> None:
    drawing(CARD, shapes).save(HERE / f"{name}.card.png", optimize=True)


def main() -> None:
    save_picture("red-circle", [("red", "circle", 0.5, 0.5, 0.3)])
    squares = [(0.28, 0.3), (0.7, 0.38), (0.45, 0.72)]
    save_picture("blue-squares", [("blue", "square", x, y, 0.17) for x, y in squares])
    save_picture("green-triangle", [("green", "triangle", 0.5, 0.55, 0.34)])
    save_video("orange-circle", "orange", "circle")
    save_video("blue-square", "blue", "square")
    save_video("purple-triangle", "purple", "triangle")
    three = [("red", "circle"), ("blue", "square"), ("green", "triangle")]
    save_pdf("three-shapes", three)
    save_pdf("one-page", [("yellow", "square")])
    save_deck("shapes-deck", [("purple", "square"), ("orange", "circle"), ("blue", "triangle")])
    save_deck("one-slide", [("green", "circle")])
    save_card("red-circle", [("red", "circle", 0.5, 0.5, 0.3)])
    save_card("blue-squares", [("blue", "square", x, 0.5, 0.19) for x in (0.24, 0.5, 0.76)])
    save_card("green-triangle", [("green", "triangle", 0.5, 0.58, 0.36)])
    trail = [(x, 0.5 + 0.12 * math.sin(7 * x)) for x in (0.22, 0.5, 0.78)]
    save_card("orange-circle", [("orange", "circle", x, y, 0.16) for x, y in trail])
    save_card("blue-square", [("blue", "square", x, y, 0.18) for x, y in trail])
    save_card("purple-triangle", [("purple", "triangle", x, y, 0.2) for x, y in trail])
    save_card("three-shapes", [(*look, 0.22 + 0.28 * index, 0.52, 0.2) for index, look in enumerate(three)])
    save_card("one-page", [("yellow", "square", 0.5, 0.5, 0.32)])
    deck = [("purple", "square"), ("orange", "circle"), ("blue", "triangle")]
    save_card("shapes-deck", [(*look, 0.22 + 0.28 * index, 0.52, 0.2) for index, look in enumerate(deck)])
    save_card("one-slide", [("green", "circle", 0.5, 0.5, 0.32)])


if __name__ == "__main__":
    main()
