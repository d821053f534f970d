"""Formats are recognised by the first bytes of a file."""

import struct
from importlib import import_module

import pytest
from files import make_deck, make_pdf, make_picture, make_video

from webui.errors import DamagedFileError, UnsupportedTypeError
from webui.media.formats.file_type import HEAD_BYTES, is_avif, is_heic
from webui.media.formats.registry import FORMATS, OFFICE, OFFICE_TYPES, PDF, PICTURE, VIDEO, sniff

CODECS = {
    "webm": "libvpx",
    "flv": "flv1",
    "wmv": "wmv2",
    "mpg": "mpeg2video",
    "ts": "mpeg2video",
    "m2ts": "mpeg2video",
}


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tiff", "avif"])
def test_pictures(tmp_path, suffix):
    assert sniff(make_picture(tmp_path / f"a.{suffix}").read_bytes()[:HEAD_BYTES], "a") == PICTURE


@pytest.mark.parametrize(
    "suffix", ["mp4", "mov", "mkv", "avi", "ts", "m2ts", "mpg", "flv", "wmv", "webm", "3gp"]
)
def test_videos(tmp_path, suffix):
    times = [index / 25 for index in range(30)]
    path = make_video(
        tmp_path / f"a.{suffix}", times, (176, 144), CODECS.get(suffix, "mpeg4"), rate=25
    )
    assert sniff(path.read_bytes()[:HEAD_BYTES], "a") == VIDEO


def test_documents(tmp_path):
    assert sniff(make_pdf(tmp_path / "a.pdf").read_bytes()[:HEAD_BYTES], "a") == PDF
    assert sniff(b"junk before it\n%PDF-1.4", "a") == PDF
    assert sniff(make_deck(tmp_path / "a.pptx").read_bytes()[:HEAD_BYTES], "a") == OFFICE
    assert sniff(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "a") == OFFICE


def test_every_decoder_that_is_named_exists():
    for file_format in FORMATS:
        assert callable(import_module(file_format.reader).read)
    for known in OFFICE_TYPES:
        assert known.suffix.upper() in OFFICE.accepted
        assert not known.fallback or callable(import_module(known.fallback).draw)


def boxes(*brands: bytes) -> bytes:
    """The first box of an ISO base media file: major brand, version, compatible brands."""
    major, *others = brands
    content = b"ftyp" + major + bytes(4) + b"".join(others)
    return struct.pack(">I", len(content) + 4) + content + b"\0\0\0\x08meta"


@pytest.mark.parametrize(
    ("brands", "format_name"),
    [
        ((b"heic", b"mif1", b"heic"), "HEIC"),  # iPhone
        ((b"heix", b"mif1"), "HEIC"),  # 10 bit
        ((b"mif1", b"heic", b"hevc"), "HEIC"),
        ((b"msf1", b"hevc", b"iso8"), "HEIC"),  # a burst
        ((b"hevc", b"msf1"), "HEIC"),
        ((b"avif", b"mif1", b"miaf"), "AVIF"),
        ((b"avis", b"msf1", b"iso8"), "AVIF"),
        ((b"mif1", b"miaf", b"avif"), "AVIF"),
        ((b"isom", b"iso2", b"mp41"), ""),
        ((b"qt  ", b"mif1"), ""),  # a video that is compatible with photos
    ],
)
def test_brands_tell_photos_from_videos(brands, format_name):
    head = boxes(*brands)
    assert sniff(head, "a") == (PICTURE if format_name else VIDEO)
    assert (is_heic(head), is_avif(head)) == (format_name == "HEIC", format_name == "AVIF")


def test_a_brand_behind_the_first_box_does_not_count():
    assert not is_avif(boxes(b"mif1", b"heic") + b"avif")
    assert sniff(b"\xff\xff\xff\xffftypheic", "a") == PICTURE
    assert sniff(b"\0\0\0\0ftypheic", "a") == PICTURE


@pytest.mark.parametrize(
    "head", [b"hello", b"\0" * 50, b"<svg>", b"G" + b"\0" * 600, b"RIFF\0\0\0\0WAVE", b"8BPS"]
)
def test_others_are_refused(head):
    with pytest.raises(UnsupportedTypeError):
        sniff(head, "a")


def test_nothing_is_damaged():
    with pytest.raises(DamagedFileError):
        sniff(b"", "a")
