"""The door: files are known by their bytes, kept apart, and refused before they are read if they are too large."""

import asyncio

import pytest
from files import make_pdf, make_picture
from reading import INFO, limited, load

from webui.errors import DamagedFileError, TooLargeError, UnsupportedTypeError


async def test_files_are_known_by_their_bytes(reader, tmp_path):
    path = make_picture(tmp_path / "really.png").rename(tmp_path / "report.pdf")
    assert (await reader.preview(path, INFO)).attachment.kind == "image"


@pytest.mark.parametrize("data", [b"hello", b"PK\x03\x04nonsense", b"\x00" * 50])
async def test_other_types_are_refused(reader, tmp_path, data):
    (tmp_path / "a.pdf").write_bytes(data)
    with pytest.raises((UnsupportedTypeError, DamagedFileError)):
        await load(reader, tmp_path / "a.pdf")


async def test_an_empty_file_is_damaged(reader, tmp_path):
    (tmp_path / "a.pdf").touch()
    with pytest.raises(DamagedFileError):
        await reader.preview(tmp_path / "a.pdf", INFO)


async def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    with pytest.raises(TooLargeError, match=r"0\.0 MB"):
        await limited(max_file_bytes=10).preview(make_picture(tmp_path / "a.png"), INFO)


async def test_two_files_of_one_name_stay_apart(reader, tmp_path):
    one, two = (tmp_path / folder for folder in ("one", "two"))
    one.mkdir()
    two.mkdir()
    parts = await asyncio.gather(load(reader, make_pdf(one / "a.pdf", 1)), load(reader, make_pdf(two / "a.pdf", 2)))
    assert [len(part) for part in parts] == [1, 2]


async def test_bytes_from_a_program_are_read_like_a_file(reader, tmp_path):
    data = make_picture(tmp_path / "a.png").read_bytes()
    assert (await reader.load_image_bytes(data, "image 1", INFO)).label == "image 1"
    with pytest.raises(UnsupportedTypeError, match="image 1"):
        await reader.load_image_bytes(b"%PDF-1.4", "image 1", INFO)
