"""Decode a picture with Pillow: upright, RGB, on white. Runs in a child process only."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps, features

from webui.errors import DamagedFileError, TooLargeError, UnsupportedTypeError
from webui.media.decode_job import DecodeJob, Reporter
from webui.media.formats.file_type import HEAD_BYTES, is_avif, is_heic
from webui.media.formats.pages import send_pages
from webui.media.formats.registry import PICTURE_TYPES
from webui.media.selection.outline import Outline
from webui.media.sizes import Size

PILLOW_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
HEIC_THREADS = 2
SIXTEEN_BIT_MODES = ("I;16", "I;16B", "I;16L", "I;16N")
ALPHA_MODES = ("RGBA", "LA", "PA", "RGBa", "La")


def read(job: DecodeJob, reporter: Reporter) -> None:
    """Send the picture, decoded once, at the sizes that the job wants."""
    picture = decode_picture(job.source(), job.name, job.max_image_pixels)

    def draw(number: int, size: Size) -> Image.Image:
        return picture.resize(size, Image.Resampling.BICUBIC)

    send_pages(job, reporter, Outline(job.name, (picture.size,)), draw)


def decode_picture(source: str | BytesIO, name: str, max_pixels: int) -> Image.Image:
    """Return the whole picture, upright and RGB.

    Of several pictures in one file it is the first, or the one that a HEIC file calls its primary.
    Raises TooLargeError from the header, before anything is decoded, DamagedFileError, and
    UnsupportedTypeError where the server lacks the decoder.
    """
    formats = find_plugins(read_head(source), name)
    with warnings.catch_warnings():
        # The limit below is stricter than Pillow's warning. Its error, far above, stays.
        warnings.simplefilter("ignore")
        try:
            with Image.open(source, formats=formats) as image:
                check_pixels(image.size, name, max_pixels)
                image.load()
                # The pictures inside a HEIC or AVIF file may be larger than its header says.
                check_pixels(image.size, name, max_pixels)
                return to_rgb(ImageOps.exif_transpose(image))
        except Image.DecompressionBombError as error:
            limit = megapixels(max_pixels)
            raise TooLargeError(name=name, size="far more pixels", limit=limit) from error
        except (OSError, ValueError, SyntaxError, RuntimeError, EOFError) as error:
            raise DamagedFileError(name=name) from error


def read_head(source: str | BytesIO) -> bytes:
    if isinstance(source, BytesIO):
        return source.getbuffer()[:HEAD_BYTES].tobytes()
    with Path(source).open("rb") as file:
        return file.read(HEAD_BYTES)


def find_plugins(head: bytes, name: str) -> tuple[str, ...]:
    """Return the names of the Pillow plugins that may open a picture.

    Raises UnsupportedTypeError for an AVIF or HEIC photo whose decoder the server lacks.
    """
    if is_avif(head):
        if not features.check("avif"):
            raise lacks_decoder("AVIF", "a Pillow that reads it", name)
        return ("AVIF",)
    if is_heic(head):
        load_heic_plugin(name)
        return ("HEIF",)
    return PILLOW_FORMATS


def load_heic_plugin(name: str) -> None:
    # Here and not at the top: other pictures do without it, and so do servers.
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise lacks_decoder("HEIC", "pillow-heif", name) from error
    # The thumbnails, depth maps and gain maps that phones add are not read.
    register_heif_opener(
        thumbnails=False, depth_images=False, aux_images=False, decode_threads=HEIC_THREADS
    )


def lacks_decoder(format_name: str, library: str, name: str) -> UnsupportedTypeError:
    others = PICTURE_TYPES.replace(f", {format_name}", "")
    accepted = f"{others}; for {format_name} the server lacks {library}"
    return UnsupportedTypeError(name=name, accepted=accepted)


def check_pixels(size: Size, name: str, max_pixels: int) -> None:
    pixels = size[0] * size[1]
    if pixels > max_pixels:
        raise TooLargeError(name=name, size=megapixels(pixels), limit=megapixels(max_pixels))


def megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:,.1f} megapixels"


def to_rgb(image: Image.Image) -> Image.Image:
    """Return the image as RGB, transparency on white, 16 bits scaled down rather than clipped."""
    if image.mode in SIXTEEN_BIT_MODES or image.mode in ("I", "F"):
        image = to_eight_bit(image)
    if image.mode in ALPHA_MODES or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


def to_eight_bit(image: Image.Image) -> Image.Image:
    """Scale gray of more than 8 bits: 16-bit values over their whole range, others over the range
    that they use.
    """
    values = image.convert("F")
    lowest, highest = (
        float(value) for value in values.getextrema() if isinstance(value, int | float)
    )
    if image.mode in SIXTEEN_BIT_MODES or (image.mode == "I" and highest > 255):
        lowest, highest = 0.0, max(65535.0, highest)
    elif image.mode == "I":
        lowest, highest = 0.0, 255.0
    scale = 255.0 / ((highest - lowest) or 1.0)
    return values.point(lambda value: value * scale - lowest * scale).convert("L")
