"""Pictures: every type, upright, on white, capped before they are decoded."""

import pytest
from files import make_picture
from PIL import Image
from reading import INFO, limited, load

from webui.errors import DamagedFileError, TooLargeError


async def test_a_picture_comes_at_the_size_that_the_model_sees(reader, tmp_path):
    (part,) = await load(reader, make_picture(tmp_path / "photo.png", (3000, 2000)))
    assert INFO.image.fit(*part.image.size) == part.image.size
    assert part.label == "photo.png"


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tiff"])
async def test_every_picture_type_is_read(reader, tmp_path, suffix):
    (part,) = await load(reader, make_picture(tmp_path / f"a.{suffix}"))
    assert part.image.getpixel((9, 9))[0] > 200 > part.image.getpixel((9, 9))[1]


async def test_exif_turns_the_picture_upright(reader, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    preview = await reader.preview(make_picture(tmp_path / "a.jpg", (300, 100), exif=exif), INFO)
    assert preview.sizes == ((100, 300),)


async def test_transparency_is_laid_on_white(reader, tmp_path):
    (part,) = await load(reader, make_picture(tmp_path / "a.png", mode="RGBA"))
    assert part.image.getpixel((5, 5)) == (255, 255, 255)


async def test_sixteen_bits_are_scaled_not_clipped(reader, tmp_path):
    Image.new("I;16", (100, 100), 32768).save(tmp_path / "a.png")
    (part,) = await load(reader, tmp_path / "a.png")
    assert 126 <= part.image.getpixel((5, 5))[0] <= 129


async def test_too_many_pixels_are_refused_from_the_header(tmp_path):
    with pytest.raises(TooLargeError, match=r"1\.0 megapixels"):
        await load(limited(max_image_pixels=10_000), make_picture(tmp_path / "a.png", (1000, 1000)))


async def test_a_truncated_picture_is_damaged(reader, tmp_path):
    path = make_picture(tmp_path / "a.png", (500, 500))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DamagedFileError):
        await load(reader, path)
