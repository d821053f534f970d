"""Files are known by their bytes, bounded, and become parts at the sizes of the model."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from files import make_deck, make_pdf, make_picture, make_sound, make_video
from processes import GUARD_S, descendants
from reading import ALL, INFO, TOKENS, limited, load

from webui.errors import (
    AttachmentError,
    DamagedFileError,
    NoPagesError,
    PageRangeError,
    PasswordProtectedError,
    SlideRangeError,
    TimeRangeError,
    TooLargeError,
    TooSlowError,
    UnsupportedTypeError,
)
from webui.media.reader import MediaReader, Selection, find_office
from webui.protocol import FileLabel, MediaLimits, PageLabel, Progress, SlideLabel


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
    parts = await asyncio.gather(
        load(reader, make_pdf(one / "a.pdf", 1)), load(reader, make_pdf(two / "a.pdf", 2))
    )
    assert [len(part) for part in parts] == [1, 2]


async def test_bytes_from_a_program_are_read_like_a_file(reader, tmp_path):
    data = make_picture(tmp_path / "a.png").read_bytes()
    assert (await reader.load_image_bytes(data, "image 1", INFO)).label == FileLabel("image 1")
    with pytest.raises(UnsupportedTypeError, match="image 1"):
        await reader.load_image_bytes(b"%PDF-1.4", "image 1", INFO)


async def test_a_missing_file_cannot_be_read(reader, tmp_path):
    for path in (tmp_path / "gone.pdf", tmp_path):
        with pytest.raises(AttachmentError, match="cannot be read"):
            await reader.preview(path, INFO)


async def test_a_picture_comes_at_the_size_that_the_model_sees(reader, tmp_path):
    (part,) = await load(reader, make_picture(tmp_path / "photo.png", (3000, 2000)))
    assert INFO.image.fit(*part.image.size) == part.image.size
    assert part.label == FileLabel("photo.png")


PICTURE_SUFFIXES = ("png", "jpg", "webp", "gif", "bmp", "tiff", "avif", "heic")


@pytest.mark.parametrize("suffix", PICTURE_SUFFIXES)
async def test_every_picture_type_is_read(reader, tmp_path, suffix):
    """From a file and from the bytes of an API request, in a confined child."""
    if suffix == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    path = make_picture(tmp_path / f"a.{suffix}")
    (part,) = await load(reader, path)
    sent = await reader.load_image_bytes(path.read_bytes(), "image 1", INFO)
    for image in (part.image, sent.image):
        assert image.getpixel((9, 9))[0] > 200 > image.getpixel((9, 9))[1]


async def test_too_many_pixels_are_refused_from_the_header(tmp_path):
    with pytest.raises(TooLargeError, match=r"1\.0 megapixels"):
        await load(limited(max_image_pixels=10_000), make_picture(tmp_path / "a.png", (1000, 1000)))


async def test_a_truncated_picture_is_damaged(reader, tmp_path):
    path = make_picture(tmp_path / "a.png", (500, 500))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DamagedFileError):
        await load(reader, path)


async def test_pages_are_chosen_labelled_and_kept_within_the_tokens(reader, tmp_path):
    path = make_pdf(tmp_path / "report.pdf", 5)
    parts = await load(reader, path, Selection("1-2, 5"), 600)
    assert [part.label for part in parts] == [PageLabel(1), PageLabel(2), PageLabel(5)]
    assert sum(INFO.image.tokens(*part.image.size) for part in parts) <= 600


async def test_progress_counts_pages(reader, tmp_path):
    seen: list[Progress] = []
    await reader.load(
        make_pdf(tmp_path / "a.pdf"), INFO, Selection(), TOKENS, on_progress=seen.append
    )
    assert seen == [Progress("converting", done, 3) for done in (1, 2, 3)]


async def test_a_page_that_does_not_exist_is_an_error(reader, tmp_path):
    with pytest.raises(PageRangeError, match="has 3 pages"):
        await load(reader, make_pdf(tmp_path / "a.pdf"), Selection("9"))


async def test_a_protected_file_is_refused(reader, tmp_path):
    with pytest.raises(PasswordProtectedError, match=r"a\.pdf is protected"):
        await reader.preview(make_pdf(tmp_path / "a.pdf", password="secret"), INFO)


async def test_a_pdf_without_pages_is_refused(reader, tmp_path):
    catalog = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj "
    pages = b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    (tmp_path / "a.pdf").write_bytes(catalog + pages + b"trailer<</Root 1 0 R>>\n%%EOF")
    with pytest.raises(NoPagesError):
        await reader.preview(tmp_path / "a.pdf", INFO)


async def test_an_encrypted_presentation_is_refused(reader, tmp_path):
    (tmp_path / "a.pptx").write_bytes(ole("EncryptedPackage"))
    with pytest.raises(PasswordProtectedError):
        await reader.preview(tmp_path / "a.pptx", INFO)


async def test_an_old_deck_needs_libreoffice(tmp_path):
    (tmp_path / "a.ppt").write_bytes(ole("PowerPoint Document"))
    with pytest.raises(UnsupportedTypeError, match="lacks LibreOffice"):
        await MediaReader(MediaLimits(), office=None).preview(tmp_path / "a.ppt", INFO)


@pytest.mark.parametrize("name", ["WordDocument", "Workbook"])
async def test_other_office_files_are_refused(reader, tmp_path, name):
    (tmp_path / "a.ppt").write_bytes(ole(name))
    with pytest.raises(UnsupportedTypeError):
        await reader.preview(tmp_path / "a.ppt", INFO)


def ole(stream: str) -> bytes:
    """Return the start of an OLE container with that stream."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + stream.encode("utf-16-le")


async def test_a_video_gives_its_frames_with_their_true_times(reader, tmp_path):
    times = [0, 0.1, 0.2, 0.3, 2.0, 2.1, 5.0, 5.1, 9.0, 9.5]
    path = make_video(tmp_path / "a.mp4", times)
    (part,) = await load(reader, path)
    assert len(part.frames) == len(part.timestamps) <= INFO.max_frames
    assert {round(time, 2) for time in part.timestamps} <= set(times)
    assert all(INFO.frame.fit(*frame.size) == frame.size for frame in part.frames)
    levels = [frame.getpixel((9, 9))[0] for frame in part.frames]
    assert levels == sorted(levels)


async def test_a_part_of_a_video_can_be_chosen(reader, tmp_path):
    path = make_video(tmp_path / "a.mp4", [index / 10 for index in range(100)])
    (part,) = await load(reader, path, Selection(start_s=2, end_s=4, frames=4))
    assert len(part.frames) == 4
    assert all(1.9 <= time <= 4 for time in part.timestamps)
    with pytest.raises(TimeRangeError, match="lasts"):
        await load(reader, path, Selection(start_s=50))


async def test_a_video_that_is_too_long_is_refused(tmp_path):
    path = make_video(tmp_path / "a.mp4", [0, 60, 200])
    with pytest.raises(TooLargeError, match="at most 1 minutes"):
        await limited(max_video_s=60).preview(path, INFO)
    assert await load(limited(max_video_s=60), path, Selection(end_s=30))


async def test_sound_alone_has_no_frames(reader, tmp_path):
    with pytest.raises(NoPagesError):
        await reader.preview(make_sound(tmp_path / "a.mp4"), INFO)


async def test_a_cut_video_is_damaged(reader, tmp_path):
    path = make_video(tmp_path / "a.mp4", [0, 1, 2])
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(AttachmentError):
        await reader.preview(path, INFO)


async def test_the_wall_clock_ends_a_conversion(tmp_path):
    with pytest.raises(TooSlowError, match="longer than 0 s"):
        await limited(convert_timeout_s=0).preview(make_pdf(tmp_path / "a.pdf"), INFO)


@pytest.fixture
def warm(reader):
    """Return an idle reader, and all processes below this one."""
    reader.warm_up()
    return reader, descendants()


async def being_read(reader: MediaReader, path: Path) -> asyncio.Task:
    """Start a load, and wait until its child is at work.

    It blocks there: it sends far more than the socket holds.
    """
    begun = asyncio.Event()
    pages = reader.load(
        make_pdf(path, 60), INFO, ALL, 60 * 600, on_progress=lambda progress: begun.set()
    )
    task = asyncio.create_task(pages)
    await asyncio.wait_for(begun.wait(), GUARD_S)
    return task


async def test_a_cancelled_load_leaves_no_process(warm, tmp_path):
    reader, before = warm
    task = await being_read(reader, tmp_path / "a.pdf")
    assert descendants() - before
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert descendants() <= before


async def test_a_killed_child_is_one_error(warm, tmp_path):
    reader, before = warm
    task = await being_read(reader, tmp_path / "a.pdf")
    os.kill((descendants() - before).pop(), signal.SIGSEGV)
    with pytest.raises(DamagedFileError):
        await task
    assert len(await load(reader, make_pdf(tmp_path / "b.pdf", 2))) == 2


async def test_memory_is_limited(tmp_path):
    path = make_picture(tmp_path / "a.png", (7000, 7000))
    with pytest.raises((TooLargeError, DamagedFileError)):
        await load(limited(convert_memory_bytes=150 * 1024**2), path)


@pytest.mark.parametrize("office", [None, find_office()])
async def test_the_preview_of_a_deck_has_slides(tmp_path, office):
    reader = MediaReader(MediaLimits(), office=office)
    preview = await reader.preview(make_deck(tmp_path / "a.pptx"), INFO)
    reader.close()
    assert preview.labels == (SlideLabel(1), SlideLabel(2))
    with pytest.raises(SlideRangeError, match="has 2 slides"):
        preview.cost(Selection("3"), INFO, TOKENS)
