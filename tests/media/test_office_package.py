"""An office file is measured before a program opens it, whatever its directory claims."""

import tracemalloc
import zipfile
from pathlib import Path

import pytest
from files import make_deck

from webui.errors import DamagedFileError, TooLargeError
from webui.media.formats.office_package import (
    MAX_PARTS,
    OFFICE_MEMORY_PER_XML,
    begins_as_xml,
    check_package,
)

MEGABYTE = 1024**2
MEMORY = 16 * MEGABYTE
MOST_XML = MEMORY // OFFICE_MEMORY_PER_XML
SPACES, SHAPES, PICTURE = b" ", b"<p:sp><p:spPr/></p:sp>", b"\x89PNG\r\n\x1a\n" + b"\0"


def make_bomb(
    path: Path, megabytes: int, filling: bytes = SPACES, part: str = "ppt/slides/slide1.xml"
) -> Path:
    """Write a presentation whose part of that many megabytes is packed to a thousandth."""
    piece = filling * (MEGABYTE // len(filling))
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package,
        package.open(part, "w") as stream,
    ):
        for _ in range(megabytes):
            stream.write(piece)
    return path


def check(path: Path) -> str:
    return check_package(path, path.name, MEMORY, office=True).suffix


def test_a_deck_is_let_through(tmp_path):
    assert check(make_deck(tmp_path / "a.pptx")) == "pptx"


@pytest.mark.parametrize("filling", [SPACES, SHAPES])
def test_300_megabytes_of_xml_are_refused_in_little_memory(tmp_path, filling):
    path = make_bomb(tmp_path / "a.pptx", 300, filling)
    assert path.stat().st_size < MEGABYTE
    tracemalloc.start()
    with pytest.raises(TooLargeError, match=r"needs (300|299)\.\d MB of XML; at most 0\.5 MB"):
        check(path)
    assert tracemalloc.get_traced_memory()[1] < 8 * MEGABYTE
    tracemalloc.stop()


def test_xml_is_known_by_its_beginning_and_not_by_its_name(tmp_path):
    with pytest.raises(TooLargeError, match="of XML"):
        check(make_bomb(tmp_path / "a.pptx", 3, SHAPES, "ppt/media/image1.png"))
    assert check(make_bomb(tmp_path / "b.pptx", 3, PICTURE, "ppt/media/image1.xml")) == "pptx"


def test_small_parts_add_up(tmp_path):
    path = tmp_path / "a.pptx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for number in range(5):
            package.writestr(f"ppt/slides/slide{number}.xml", SPACES * (MOST_XML // 4))
    with pytest.raises(TooLargeError, match=r"needs 0\.6 MB of XML"):
        check(path)


@pytest.mark.parametrize("filling", [SPACES, PICTURE])
def test_a_wrong_size_does_not_help(tmp_path, filling):
    path = tmp_path / "a.pptx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("ppt/a.xml", filling * (2 * MEMORY // len(filling)))
        package.getinfo("ppt/a.xml").file_size = 100
    with pytest.raises(TooLargeError):
        check(path)


def test_media_are_bounded_by_the_memory(tmp_path):
    with pytest.raises(TooLargeError, match=r"needs 17\.0 MB unpacked; at most 16\.0 MB"):
        check(make_bomb(tmp_path / "a.pptx", 17, b"\xff\xd8\xff\0", "ppt/media/image1.jpg"))


def test_parts_are_counted(tmp_path):
    path = tmp_path / "a.pptx"
    with zipfile.ZipFile(path, "w") as package:
        for number in range(MAX_PARTS + 1):
            package.writestr(f"ppt/{number}", b"")
    with pytest.raises(TooLargeError, match="20,001 parts"):
        check(path)


def make_damaged(path: Path, suffix: str, data: bytes, parts: int = 1) -> Path:
    """Write a presentation whose parts cannot be inflated."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for number in range(parts):
            package.writestr(f"ppt/{number}.{suffix}", data)
        places = [part.header_offset + 30 + len(part.filename) for part in package.infolist()]
    packed = bytearray(path.read_bytes())
    for place in places:
        packed[place] = 0xFF  # a kind of block that does not exist
    path.write_bytes(packed)
    return path


@pytest.mark.parametrize("suffix", ["png", "xml"])
def test_a_broken_part_does_not_make_a_deck_unreadable(tmp_path, suffix):
    assert check(make_damaged(tmp_path / "a.pptx", suffix, PICTURE)) == "pptx"


def test_a_wrong_checksum_does_not_make_a_deck_unreadable(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pptx", "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("ppt/a.xml", SHAPES)
        package.getinfo("ppt/a.xml").CRC ^= 1
    assert check(tmp_path / "a.pptx") == "pptx"


def test_broken_parts_count(tmp_path):
    with pytest.raises(TooLargeError, match="of XML"):
        check(make_damaged(tmp_path / "a.pptx", "xml", SHAPES, 10))


def test_other_ways_to_pack_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pptx", "w", zipfile.ZIP_BZIP2) as package:
        package.writestr("ppt/a.xml", b"<a/>")
    with pytest.raises(DamagedFileError):
        check(tmp_path / "a.pptx")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "utf-32-be", "cp037"]
)
def test_xml_is_known_in_every_encoding(encoding):
    assert begins_as_xml('<?xml version="1.0"?>'.encode(encoding))
    assert begins_as_xml(" \n<a/>".encode(encoding)) or encoding in ("cp037", "utf-8-sig")


@pytest.mark.parametrize(
    "head", [b"\x89PNG", b"\xff\xd8\xff\xe0", b"GIF89a", b"PK\3\4", b"\1\0\0\0", b"\0\0\0\x18ftyp"]
)
def test_media_are_not_xml(head):
    assert not begins_as_xml(head)
