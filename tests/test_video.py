"""Which instants of a video are looked at, and that their frames and times are true."""

import pytest
from files import make_sound, make_video
from reading import INFO, limited, load

from webui.errors import AttachmentError, NoPagesError, TimeRangeError, TooLargeError
from webui.media.attachments import Selection
from webui.media.video import check_range, frame_count, instants


@pytest.mark.parametrize(
    ("length", "wanted", "count"), [(1, None, 4), (5, None, 10), (100, None, 32), (100, 8, 8), (100, 99, 32)]
)
def test_how_many(length, wanted, count):
    assert frame_count(0, length, wanted, 32) == count


def test_instants_are_even_and_inside():
    times = instants(2, 10, 4)
    assert times == (3, 5, 7, 9)


def test_ranges_end_with_the_video():
    assert check_range(1, None, 5, "a") == (1, 5)
    assert check_range(1, 9, 5, "a") == (1, 5)
    for start, end in ((5, None), (-1, 3), (3, 2)):
        with pytest.raises(TimeRangeError, match="lasts 5 s"):
            check_range(start, end, 5, "a")


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


async def test_a_video_previews_what_it_costs(reader, tmp_path):
    path = make_video(tmp_path / "a.mp4", [index / 10 for index in range(100)])
    preview = await reader.preview(path, INFO)
    (part,) = await load(reader, path, tokens=INFO.media_tokens)
    assert preview.timestamps == part.timestamps
    pairs = (len(part.frames) + 1) // 2
    assert preview.cost(Selection(), INFO, INFO.media_tokens) == (
        len(part.frames),
        pairs * INFO.frame.tokens(*part.frames[0].size),
    )


async def test_sound_alone_has_no_frames(reader, tmp_path):
    with pytest.raises(NoPagesError):
        await reader.preview(make_sound(tmp_path / "a.mp4"), INFO)


async def test_a_cut_video_is_damaged(reader, tmp_path):
    path = make_video(tmp_path / "a.mp4", [0, 1, 2])
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(AttachmentError):
        await reader.preview(path, INFO)
