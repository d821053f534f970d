"""Pictures of every mode come upright, RGB and on white; too large ones are refused early."""

import struct
import sys
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from files import RED, make_picture
from PIL import Image

from webui.errors import DamagedFileError, TooLargeError, UnsupportedTypeError
from webui.media.formats.image import decode_picture
from webui.media.sizes import fit_side

LIMIT = 1_000_000
PHOTOS = ("avif", "heic")


@pytest.fixture
def photo_suffix(request):
    """AVIF, and HEIC where the optional library is installed, which also writes it."""
    if request.param == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    return request.param


each_photo = pytest.mark.parametrize("photo_suffix", PHOTOS, indirect=True)


@pytest.fixture
def heic():
    library = pytest.importorskip("pillow_heif")
    library.register_heif_opener()
    return library


def draw(path: Path, side: int = 400, max_pixels: int = LIMIT):
    picture = decode_picture(str(path), path.name, max_pixels)
    return picture.size, picture.resize(fit_side(picture.size, side))


def saved(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "F", "I"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    image = (
        Image.new("RGB", (60, 40), RED)
        .convert("L" if mode in ("I;16", "F", "I") else "RGB")
        .convert(mode)
    )
    size, drawn = draw(saved(tmp_path / "a.tif", image))
    assert (size, drawn.mode, drawn.size) == ((60, 40), "RGB", (60, 40))


def test_colours_arrive(tmp_path):
    for mode, options in (("CMYK", {"quality": 95}), ("RGB", {"quality": 95})):
        image = Image.new("RGB", (64, 64), RED).convert(mode)
        red, green, blue = draw(saved(tmp_path / "a.jpg", image, **options))[1].getpixel((30, 30))
        assert red > 190 > 60 > max(green, blue)


@pytest.mark.parametrize(("value", "level"), [(0, 0), (32768, 128), (65535, 255)])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled(tmp_path, suffix, value, level):
    path = saved(tmp_path / f"a.{suffix}", Image.new("I;16", (50, 50), value))
    assert draw(path)[1].getpixel((9, 9)) == pytest.approx((level, level, level), abs=1)


def test_sixteen_bits_with_a_transparent_gray(tmp_path):
    path = saved(tmp_path / "a.png", Image.new("I;16", (50, 50), 32768))
    data = path.read_bytes()
    place = data.index(b"IDAT") - 4
    path.write_bytes(data[:place] + chunk(b"tRNS", struct.pack(">H", 65535)) + data[place:])
    assert draw(path)[1].getpixel((9, 9)) == pytest.approx((128, 128, 128), abs=1)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_white(tmp_path, mode):
    assert draw(saved(tmp_path / "a.png", Image.new(mode, (50, 50), 0)))[1].getpixel((9, 9)) == (
        255,
        255,
        255,
    )


def test_a_transparent_colour_of_a_palette_is_white(tmp_path):
    image = Image.new("P", (50, 50), 0)
    image.putpalette([10, 20, 30])
    assert draw(saved(tmp_path / "a.gif", image, transparency=0))[1].getpixel((9, 9)) == (
        255,
        255,
        255,
    )


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_is_applied(tmp_path, turn):
    """A red corner, stored in each orientation, always comes out at the top left."""
    upright = Image.new("RGB", (80, 40), "white")
    upright.paste(RED, (0, 0, 20, 20))
    undo = (None, 0, 3, 1, 5, 2, 6, 4)[turn - 1]
    exif = Image.Exif()
    exif[0x0112] = turn
    stored = upright if undo is None else upright.transpose(Image.Transpose(undo))
    size, drawn = draw(saved(tmp_path / "a.png", stored, exif=exif))
    assert size == (80, 40)
    assert drawn.getpixel((5, 5)) == RED


def test_the_first_frame_of_an_animation_is_shown(tmp_path):
    frames = [Image.new("RGB", (50, 50), colour) for colour in (RED, (0, 0, 255))]
    for suffix in ("gif", "webp", "png"):
        path = saved(tmp_path / f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:])
        assert draw(path)[1].getpixel((9, 9))[0] > 200


@pytest.mark.parametrize(
    ("side", "size"), [(1_010, "1.0 megapixels"), (9_000, "81.0 meg"), (30_000, "far more")]
)
def test_a_header_is_refused_before_pixels_are_decoded(tmp_path, side, size):
    """A file of 100 bytes may claim 30,000 x 30,000 pixels."""
    (tmp_path / "a.png").write_bytes(png(side, side, b""))
    with pytest.raises(TooLargeError, match=f"{size}.*; at most 1.0 megapixels"):
        draw(tmp_path / "a.png")


def test_a_header_that_says_more_than_there_is(tmp_path):
    (tmp_path / "a.png").write_bytes(png(900, 900, zlib.compress(b"\0" * 100)))
    with pytest.raises(DamagedFileError):
        draw(tmp_path / "a.png")


def png(width: int, height: int, data: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tif"])
def test_half_a_picture_is_damaged(tmp_path, suffix):
    noise = Image.effect_noise((200, 200), 90).convert("RGB")
    path = saved(tmp_path / f"a.{suffix}", noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DamagedFileError):
        draw(path)


@pytest.mark.parametrize("suffix", ["ico", "tga", "pcx", "jp2", "ppm", "eps"])
def test_what_pillow_could_open_but_we_do_not_is_refused(tmp_path, suffix):
    with pytest.raises(DamagedFileError):
        draw(make_picture(tmp_path / f"a.{suffix}", (64, 64)))


def test_bytes_are_read_like_a_file(tmp_path):
    data = BytesIO(make_picture(tmp_path / "a.png", (90, 30)).read_bytes())
    assert decode_picture(data, "a", LIMIT).size == (90, 30)


@each_photo
@pytest.mark.parametrize("turn", range(1, 9))
def test_the_orientation_of_a_photo_is_applied(tmp_path, photo_suffix, turn):
    upright = Image.new("RGB", (80, 40), "white")
    upright.paste(RED, (0, 0, 20, 20))
    undo = (None, 0, 3, 1, 5, 2, 6, 4)[turn - 1]
    stored = upright if undo is None else upright.transpose(Image.Transpose(undo))
    stored.info["exif"] = exif_bytes(turn)
    # The writers turn the EXIF value into the properties irot and imir of the container.
    path = saved(tmp_path / f"a.{photo_suffix}", stored, quality=95, exif=exif_bytes(turn))
    size, drawn = draw(path)
    assert size == (80, 40)
    assert drawn.getpixel((5, 5)) == pytest.approx(RED, abs=8)
    assert drawn.getpixel((70, 30)) == pytest.approx((255, 255, 255), abs=8)


def exif_bytes(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


@each_photo
def test_the_transparency_of_a_photo_is_laid_on_white(tmp_path, photo_suffix):
    path = saved(tmp_path / f"a.{photo_suffix}", Image.new("RGBA", (64, 64), 0))
    assert draw(path)[1].getpixel((9, 9)) == pytest.approx((255, 255, 255), abs=2)


@each_photo
def test_the_first_picture_of_a_burst_is_shown(tmp_path, photo_suffix):
    frames = [Image.new("RGB", (64, 64), colour) for colour in (RED, (0, 0, 255))]
    path = tmp_path / f"a.{photo_suffix}"
    saved(path, frames[0], save_all=True, append_images=frames[1:])
    assert draw(path)[1].getpixel((9, 9)) == pytest.approx(RED, abs=8)


@each_photo
def test_a_photo_with_too_many_pixels_is_refused_by_its_header(tmp_path, photo_suffix):
    path = saved(tmp_path / f"a.{photo_suffix}", Image.new("RGB", (1200, 900)))
    # What follows the boxes of the header is gone: nothing could be decoded.
    path.write_bytes(path.read_bytes()[: path.read_bytes().index(b"mdat") + 4] + bytes(5000))
    with pytest.raises(TooLargeError, match=r"1\.1 megapixels; at most 1\.0"):
        draw(path)


@each_photo
def test_a_photo_that_is_cut_or_garbled_is_damaged(tmp_path, photo_suffix):
    noise = Image.effect_noise((200, 200), 90).convert("RGB")
    data = saved(tmp_path / f"a.{photo_suffix}", noise).read_bytes()
    for damaged in (data[: len(data) // 2], data[:200], data[:16]):
        (tmp_path / "b").write_bytes(damaged)
        with pytest.raises(DamagedFileError):
            draw(tmp_path / "b")


def test_the_tiles_of_a_phone_become_one_picture(tmp_path, heic):
    """Phones store a grid of squares; here 3 x 2, the last ones cut by the edge."""
    picture = Image.linear_gradient("L").resize((600, 400)).convert("RGB")
    picture.paste(RED, (500, 300, 600, 400))
    heic.options.GRID_TILE_SIZE = 256
    try:
        path = saved(tmp_path / "a.heic", picture, quality=95)
    finally:
        heic.options.GRID_TILE_SIZE = 0
    assert b"grid" in path.read_bytes()
    size, drawn = draw(path, side=600)
    assert size == (600, 400)
    for place in ((10, 10), (300, 200), (550, 350), (255, 255), (257, 257)):
        assert drawn.getpixel(place) == pytest.approx(picture.getpixel(place), abs=12)


def test_ten_bits_of_a_photo_are_scaled(tmp_path, heic):
    gray = struct.pack("<H", 32768) * 64 * 64 * 3
    heic.from_bytes("RGB;16", (64, 64), gray).save(tmp_path / "a.heic", quality=95)
    assert heic.open_heif(tmp_path / "a.heic", convert_hdr_to_8bit=False).info["bit_depth"] == 10
    assert draw(tmp_path / "a.heic")[1].getpixel((9, 9)) == pytest.approx((128,) * 3, abs=2)


def test_bytes_of_a_photo_are_read_like_a_file(tmp_path):
    data = BytesIO(make_picture(tmp_path / "a.avif", (90, 30)).read_bytes())
    assert decode_picture(data, "a", LIMIT).size == (90, 30)


def test_without_its_library_heic_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "IMG_1.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(UnsupportedTypeError, match="for HEIC the server lacks pillow-heif") as info:
        draw(tmp_path / "IMG_1.heic")
    assert "AVIF" in info.value.params["accepted"]


def test_without_its_decoder_avif_is_refused_by_name(tmp_path, monkeypatch):
    path = make_picture(tmp_path / "a.avif", (64, 64))
    monkeypatch.setattr("webui.media.formats.image.features.check", lambda feature: False)
    with pytest.raises(UnsupportedTypeError, match="for AVIF the server lacks"):
        draw(path)


def test_a_heic_photo_that_is_larger_than_its_header_says_is_not_decoded(tmp_path, heic):
    path = saved(tmp_path / "a.heic", Image.new("RGB", (1200, 900)))
    data = path.read_bytes()
    place = data.index(b"ispe") + 8  # behind the name, the version and the flags
    path.write_bytes(data[:place] + struct.pack(">II", 64, 48) + data[place + 8 :])
    with pytest.raises(DamagedFileError):
        draw(path)
