"""Previews show small pages and frames, and their exact cost in tokens."""

import pytest
from files import make_deck, make_pdf, make_picture, make_video
from PIL import Image
from reading import INFO, TOKENS, limited, load

from webui.errors import PageRangeError, TimeRangeError, TooManyPagesError
from webui.media.reader import MediaReader, Selection
from webui.protocol import MediaLimits, SlideLabel


async def test_exif_turns_the_picture_upright(reader, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    preview = await reader.preview(make_picture(tmp_path / "a.jpg", (300, 100), exif=exif), INFO)
    assert preview.sizes == ((100, 300),)


async def test_a_preview_shows_small_pages_and_counts_all(tmp_path):
    preview = await limited(max_pages=2).preview(make_pdf(tmp_path / "a.pdf", 4), INFO)
    assert (preview.count, len(preview.sizes), len(preview.thumbnails)) == (4, 4, 2)
    assert max(preview.thumbnails[0].size) <= 480
    with pytest.raises(TooManyPagesError, match="3 pages chosen; at most 2"):
        preview.cost(Selection("1-3"), INFO, TOKENS)


@pytest.mark.slow
async def test_a_deck_goes_through_libreoffice_once(reader, tmp_path):
    path = make_deck(tmp_path / "deck.pptx")
    preview = await reader.preview(path, INFO)
    parts = await load(reader, path, Selection("2"))
    assert preview.count == 2
    assert not preview.notice
    assert [part.label for part in parts] == [SlideLabel(2)]
    wide, high = parts[0].image.size
    red, green, _ = parts[0].image.getpixel((wide * 2 // 5, high * 3 // 5))
    assert red > 180 > green


async def test_without_libreoffice_a_presentation_is_drawn_with_a_notice(tmp_path):
    reader = MediaReader(MediaLimits(), office=None)
    preview = await reader.preview(make_deck(tmp_path / "deck.pptx"), INFO)
    assert preview.notice == "drawn_without_office"
    assert preview.count == 2
    wide, high = preview.thumbnails[0].size
    assert preview.thumbnails[0].getpixel((wide * 2 // 5, high * 3 // 5)) == (220, 30, 30)
    reader.close()


@pytest.mark.parametrize("tokens", [20, 600, 100_000])
@pytest.mark.parametrize("pages", ["", "2", "1-2, 5"])
async def test_what_pages_will_cost_is_what_they_cost(reader, tmp_path, pages, tokens):
    path = make_pdf(tmp_path / "a.pdf", 5)
    preview = await reader.preview(path, INFO)
    parts = await load(reader, path, Selection(pages), tokens)
    spent = sum(INFO.image.tokens(*part.image.size) for part in parts)
    assert preview.cost(Selection(pages), INFO, tokens) == (len(parts), spent)
    assert all(INFO.image.fit(*part.image.size) == part.image.size for part in parts)


async def test_what_a_picture_will_cost_is_what_it_costs(reader, tmp_path):
    path = make_picture(tmp_path / "a.png", (2000, 1000))
    (part,) = await load(reader, path, tokens=300)
    preview = await reader.preview(path, INFO)
    assert preview.cost(Selection(), INFO, 300) == (1, INFO.image.tokens(*part.image.size))
    assert preview.sizes == ((2000, 1000),)
    assert preview.thumbnails[0].size == (480, 240)


@pytest.mark.parametrize("tokens", [60, 200, 1000])
@pytest.mark.parametrize(
    "chosen", [Selection(), Selection(start_s=2), Selection(start_s=2, end_s=4, frames=3)]
)
async def test_what_a_video_will_cost_is_what_it_costs(reader, tmp_path, chosen, tokens):
    """The cost is exact for another part than the previewed one too."""
    path = make_video(tmp_path / "a.mp4", [index / 10 for index in range(100)])
    preview = await reader.preview(path, INFO)
    (part,) = await load(reader, path, chosen, tokens)
    spent = (len(part.frames) + 1) // 2 * INFO.frame.tokens(*part.frames[0].size)
    assert preview.cost(chosen, INFO, tokens) == (len(part.frames), spent)
    assert spent <= tokens


async def test_the_frames_shown_are_those_that_are_sent(reader, tmp_path):
    path = make_video(tmp_path / "a.mp4", [index / 10 for index in range(100)])
    preview = await reader.preview(path, INFO)
    (part,) = await load(reader, path, tokens=INFO.media_tokens)
    assert (preview.timestamps, preview.count) == (part.timestamps, len(part.frames))
    assert preview.duration_s == pytest.approx(10, abs=0.2)


async def test_a_part_that_does_not_exist_is_an_error_before_sending(reader, tmp_path):
    video = await reader.preview(make_video(tmp_path / "a.mp4", [0, 1, 2]), INFO)
    with pytest.raises(TimeRangeError, match="lasts"):
        video.cost(Selection(start_s=50), INFO, TOKENS)
    document = await reader.preview(make_pdf(tmp_path / "a.pdf"), INFO)
    with pytest.raises(PageRangeError, match="has 3 pages"):
        document.cost(Selection("9"), INFO, TOKENS)
