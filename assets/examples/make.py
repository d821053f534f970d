"""Makes the example files beside this script: python assets/examples/make.py

Simple things on purpose: the bundled model knows shapes, headlines in capitals, bar charts and
plain motion.
"""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path

import av
import pymupdf
from PIL import Image, ImageDraw, ImageFont, ImageOps
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


def drawing(
    size: tuple[int, int], shapes: list[tuple[str, str, float, float, float]]
) -> Image.Image:
    """Shapes (colour, kind, x, y, radius), all as shares of the size, on white."""
    width, height = size[0] * SCALE, size[1] * SCALE
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    for colour, kind, x, y, radius in shapes:
        pen.polygon(
            outline(kind, x * width, y * height, radius * min(width, height)), fill=COLOURS[colour]
        )
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


def save_chart(name: str, heights: dict[str, float]) -> None:
    """Bars of the given heights, as shares of the tallest that fits, each over its letter."""
    image = Image.new("RGB", (448 * SCALE, 336 * SCALE), "white")
    pen, font = (
        ImageDraw.Draw(image),
        ImageFont.truetype(BytesIO(pymupdf.Font("hebo").buffer), 34 * SCALE),
    )
    for number, (letter, height) in enumerate(heights.items()):
        left, foot = (40 + 100 * number) * SCALE, 280 * SCALE
        pen.rectangle(
            (left, foot - height * 250 * SCALE, left + 64 * SCALE, foot), fill=COLOURS["blue"]
        )
        pen.text(
            (left + 32 * SCALE, foot + 8 * SCALE), letter, fill="black", font=font, anchor="ma"
        )
    pen.line((20 * SCALE, 280 * SCALE, 428 * SCALE, 280 * SCALE), fill="black", width=3 * SCALE)
    image.resize((448, 336), Image.Resampling.LANCZOS).save(HERE / f"{name}.png", optimize=True)


def save_sign(name: str, text: str) -> None:
    image = Image.new("RGB", (448 * SCALE, 224 * SCALE), (24, 60, 92))
    font = ImageFont.truetype(BytesIO(pymupdf.Font("hebo").buffer), 48 * SCALE)
    ImageDraw.Draw(image).text(
        (224 * SCALE, 112 * SCALE), text, fill="white", font=font, anchor="mm"
    )
    image.resize((448, 224), Image.Resampling.LANCZOS).save(HERE / f"{name}.png", optimize=True)


def save_pdf(name: str, pages: list[tuple[str, str, str]]) -> None:
    """A headline and a shape on each page."""
    document = pymupdf.open()
    for headline, colour, shape in pages:
        page = document.new_page(width=595, height=420)
        page.insert_text((40, 86), headline, fontsize=64, fontname="hebo")
        corners = [pymupdf.Point(*point) for point in outline(shape, 297, 250, 120)]
        fill = [channel / 255 for channel in COLOURS[colour]]
        page.draw_polyline(corners, fill=fill, color=fill, closePath=True)
    document.save(HERE / f"{name}.pdf", garbage=4, deflate=True, no_new_id=True)


def save_deck(name: str, slides: list[tuple[str, str, str]]) -> None:
    kinds = {
        "triangle": MSO_SHAPE.ISOSCELES_TRIANGLE,
        "square": MSO_SHAPE.RECTANGLE,
        "circle": MSO_SHAPE.OVAL,
    }
    deck = Presentation()
    for headline, colour, shape in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[6])
        box = slide.shapes.add_textbox(Inches(0.5), Inches(0.3), Inches(9), Inches(1.2))
        box.text_frame.text = headline
        # Of the run, not of its paragraph, which PowerPoint and the simpler drawing pass over.
        font = box.text_frame.paragraphs[0].runs[0].font
        font.name, font.size, font.bold = "Arial", Pt(66), True
        side = Emu(Inches(4))
        drawn = slide.shapes.add_shape(kinds[shape], Inches(3), Inches(2.6), side, side)
        drawn.fill.solid()
        drawn.fill.fore_color.rgb = RGBColor(*COLOURS[colour])
        drawn.line.fill.background()
    deck.save(str(HERE / f"{name}.pptx"))


def save_card(name: str, shapes: list[tuple[str, str, float, float, float]]) -> None:
    drawing(CARD, shapes).save(HERE / f"{name}.card.png", optimize=True)


def save_scaled_card(name: str) -> None:
    """A card from the picture of that name, on white."""
    card = Image.new("RGB", CARD, "white")
    picture = ImageOps.contain(Image.open(HERE / f"{name}.png"), (CARD[0] - 24, CARD[1] - 24))
    card.paste(picture, ((CARD[0] - picture.width) // 2, (CARD[1] - picture.height) // 2))
    card.save(HERE / f"{name}.card.png", optimize=True)


def main() -> None:
    save_picture("red-circle", [("red", "circle", 0.5, 0.5, 0.3)])
    squares = [(0.28, 0.3), (0.7, 0.38), (0.45, 0.72)]
    save_picture("blue-squares", [("blue", "square", x, y, 0.17) for x, y in squares])
    save_chart("bars", {"A": 0.4, "B": 0.7, "C": 0.95, "D": 0.25})
    save_sign("sign", "CAFE24")
    for colour, shape in (("orange", "circle"), ("blue", "square"), ("purple", "triangle")):
        save_video(f"{colour}-{shape}", colour, shape)
    pages = [
        ("MARKET", "red", "circle"),
        ("BUDGET", "blue", "square"),
        ("TEAM7", "green", "triangle"),
    ]
    slides = [
        ("PLAN26", "purple", "square"),
        ("SALES", "orange", "circle"),
        ("NEXT", "blue", "triangle"),
    ]
    save_pdf("three-pages", pages)
    save_deck("three-slides", slides)
    save_card("red-circle", [("red", "circle", 0.5, 0.5, 0.3)])
    save_card("blue-squares", [("blue", "square", x, 0.5, 0.19) for x in (0.24, 0.5, 0.76)])
    save_scaled_card("bars")
    save_scaled_card("sign")
    trail = [(x, 0.5 + 0.12 * math.sin(7 * x)) for x in (0.22, 0.5, 0.78)]
    save_card("orange-circle", [("orange", "circle", x, y, 0.16) for x, y in trail])
    save_card("blue-square", [("blue", "square", x, y, 0.18) for x, y in trail])
    save_card("purple-triangle", [("purple", "triangle", x, y, 0.2) for x, y in trail])
    for name, looks in (("three-pages", pages), ("three-slides", slides)):
        save_card(
            name, [(*look[1:], 0.22 + 0.28 * index, 0.52, 0.2) for index, look in enumerate(looks)]
        )


if __name__ == "__main__":
    main()
