"""Fonts of headlines: those inside PyMuPDF and Pillow, which every machine has, and system fonts.

System fonts are used where they are installed, so two machines may train on different ones.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path

import pymupdf
from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# PyMuPDF's own names of its built-in fonts.
BUILT_IN = ("helv", "hebo", "tiro", "tibo", "cour", "cobo", "cjk")
SYSTEM_FOLDERS = (Path("/usr/share/fonts"), Path("/Library/Fonts"), Path("C:/Windows/Fonts"))
SYSTEM_FILES = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSerif-Bold.ttf",
    "LiberationSans-Bold.ttf",
    "Lato-Regular.ttf",
    "Lato-Bold.ttf",
    "Roboto-Regular.ttf",
    "Roboto-Bold.ttf",
    "RobotoCondensed-Bold.ttf",
    "OpenSans-Regular.ttf",
    "OpenSans-Semibold.ttf",
    "Inter-Regular.otf",
    "Inter-Bold.otf",
    "Cantarell-Regular.otf",
    "Carlito-Regular.ttf",
    "Caladea-Bold.ttf",
    "URWGothic-Book.otf",
    "P052-Roman.otf",
    "C059-Bold.otf",
)
HELD_OUT = ("aileron",)  # the font inside Pillow, which training never uses


@lru_cache(maxsize=1)
def training_fonts() -> tuple[str, ...]:
    """Return the names that `load_font` accepts, in the same order at each call on one machine."""
    system_fonts = [
        str(path)
        for folder in SYSTEM_FOLDERS
        for name in SYSTEM_FILES
        for path in sorted(folder.rglob(name))
    ]
    return (*BUILT_IN, *system_fonts)


@lru_cache(maxsize=1024)
def load_font(name: str, size: int) -> Font:
    """Return the font `name` at `size` pixels."""
    if name in HELD_OUT:
        return ImageFont.load_default(size)
    source = BytesIO(_read_built_in(name)) if name in BUILT_IN else name
    return ImageFont.truetype(source, size)


@lru_cache(maxsize=len(BUILT_IN))
def _read_built_in(name: str) -> bytes:
    return bytes(pymupdf.Font(name).buffer)
