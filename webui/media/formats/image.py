"""A picture's bytes to pixels, with Pillow: upright, RGB, on white, at the size that the model sees."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO

from PIL import Image, ImageOps

from webui.errors import DamagedFileError, TooLargeError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")


def draw_picture(
    source: str | BytesIO,
    name: str,
    max_pixels: int,
    size_of: Callable[[int, int], tuple[int, int]],
) -> tuple[tuple[int, int], Image.Image]:
    """The upright size of the whole picture, and the picture at the size that `size_of` makes of it.

    Raises TooLargeError from the header, before anything is decoded, and DamagedFileError.
    """
    with warnings.catch_warnings():
        # Pillow's own warning: the cap below is stricter. Its error, far above, stays.
        warnings.simplefilter("ignore")
        try:
            with Image.open(source, formats=FORMATS) as image:
                check_pixels(image.size, name, max_pixels)
                return _drawn(image, size_of)
        except Image.DecompressionBombError as error:
            raise TooLargeError(
                name=name, size="far more pixels", limit=megapixels(max_pixels)
            ) from error
        except (OSError, ValueError, SyntaxError) as error:
            raise DamagedFileError(name=name) from error


def check_pixels(size: tuple[int, int], name: str, max_pixels: int) -> None:
    pixels = size[0] * size[1]
    if pixels > max_pixels:
        raise TooLargeError(name=name, size=megapixels(pixels), limit=megapixels(max_pixels))


def megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:,.1f} megapixels"


def _drawn(
    image: Image.Image, size_of: Callable[[int, int], tuple[int, int]]
) -> tuple[tuple[int, int], Image.Image]:
    upright = flat(ImageOps.exif_transpose(image))
    return upright.size, upright.resize(size_of(*upright.size), Image.Resampling.BICUBIC)


def flat(image: Image.Image) -> Image.Image:
    """RGB, transparency on white, 16 bits scaled down rather than clipped."""
    if image.mode in SIXTEEN_BIT or image.mode in ("I", "F"):
        image = eight_bit(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


def eight_bit(image: Image.Image) -> Image.Image:
    """Gray of more than 8 bits: 16-bit values over their whole range, others over the range that they use."""
    values = image.convert("F")
    least, most = (float(value) for value in values.getextrema() if isinstance(value, int | float))
    if image.mode in SIXTEEN_BIT or (image.mode == "I" and most > 255):
        least, most = 0.0, max(65535.0, most)
    elif image.mode == "I":
        least, most = 0.0, 255.0
    scale = 255.0 / ((most - least) or 1.0)
    return values.point(lambda value: value * scale - least * scale).convert("L")
