"""The typefaces that headlines are set in: those that come with PyMuPDF and Pillow, so that every machine has them.

More of the same kind are taken from the system where it has them.
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
    *("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif-Bold.ttf", "LiberationSans-Bold.ttf"),
    *(
        "Lato-Regular.ttf",
        "Lato-Bold.ttf",
        "Roboto-Regular.ttf",
        "Roboto-Bold.ttf",
        "RobotoCondensed-Bold.ttf",
    ),
    *(
        "OpenSans-Regular.ttf",
        "OpenSans-Semibold.ttf",
        "Inter-Regular.otf",
        "Inter-Bold.otf",
        "Cantarell-Regular.otf",
    ),
    *(
        "Carlito-Regular.ttf",
        "Caladea-Bold.ttf",
        "URWGothic-Book.otf",
        "P052-Roman.otf",
        "C059-Bold.otf",
    ),
)
UNSEEN = ("aileron",)  # Pillow's own: training never uses it


@lru_cache(maxsize=1)
def training_fonts() -> tuple[str, ...]:
    """Names that `font` takes, the same on a machine at each call."""
    found = [
        str(path)
        for folder in SYSTEM_FOLDERS
        for name in SYSTEM_FILES
        for path in sorted(folder.rglob(name))
    ]
    return (*BUILT_IN, *found)


@lru_cache(maxsize=1024)
def font(name: str, size: int) -> Font:
    """That font, `size` pixels high."""
    if name in UNSEEN:
        return ImageFont.load_default(size)
    source = BytesIO(_built_in(name)) if name in BUILT_IN else name
    return ImageFont.truetype(source, size)


@lru_cache(maxsize=len(BUILT_IN))
def _built_in(name: str) -> bytes:
    return bytes(pymupdf.Font(name).buffer)
