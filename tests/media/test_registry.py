"""Formats are recognised by the first bytes of a file."""

from importlib import import_module

import pytest
from files import make_deck, make_pdf, make_picture, make_video

from webui.errors import DamagedFileError, UnsupportedTypeError
from webui.media.formats.file_type import HEAD_BYTES
from webui.media.formats.registry import FORMATS, OFFICE, OFFICE_TYPES, PDF, PICTURE, VIDEO, sniff

CODECS = {
    "webm": "libvpx",
    "flv": "flv1",
    "wmv": "wmv2",
    "mpg": "mpeg2video",
    "ts": "mpeg2video",
    "m2ts": "mpeg2video",
}


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tiff"])
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


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"avif"])
def test_photos_in_video_boxes_are_no_videos(brand):
    with pytest.raises(UnsupportedTypeError, match="Accepted: PNG, JPEG"):
        sniff(b"\0\0\0\x18ftyp" + brand + b"\0" * 16, "IMG_1.heic")


@pytest.mark.parametrize(
    "head", [b"hello", b"\0" * 50, b"<svg>", b"G" + b"\0" * 600, b"RIFF\0\0\0\0WAVE", b"8BPS"]
)
def test_others_are_refused(head):
    with pytest.raises(UnsupportedTypeError):
        sniff(head, "a")


def test_nothing_is_damaged():
    with pytest.raises(DamagedFileError):
        sniff(b"", "a")
