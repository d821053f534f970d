"""Videos give the frames shown at given times, upright, with their true timestamps."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from files import make_sound, make_video

from webui.errors import DamagedFileError, NoPagesError
from webui.media.formats.video import VideoStreamInfo, probe, read_frames

SIZE = (56, 28)
# A recording from 0 to 10 s with most of its frames in the first second.
UNEVEN = [*(index / 20 for index in range(20)), 2.0, 5.0, 9.0, 9.5]


def read(path: Path, *wanted: float, size: tuple[int, int] = SIZE):
    return read_frames(str(path), path.name, wanted, size, lambda done: None)


def level(image) -> int:
    return image.getpixel((9, 9))[0]


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "libx264"), ("mkv", "libx264"), ("webm", "libvpx-vp9")]
)
def test_uneven_frames_keep_their_own_times(tmp_path, suffix, codec):
    frames = read(make_video(tmp_path / f"a.{suffix}", UNEVEN, codec=codec), 0.52, 3.0, 8.9, 9.9)
    assert list(frames) == pytest.approx([0.5, 2.0, 5.0, 9.5], abs=0.01)
    levels = [255 * UNEVEN.index(time) / (len(UNEVEN) - 1) for time in (0.5, 2.0, 5.0, 9.5)]
    assert [level(image) for image in frames.values()] == pytest.approx(levels, abs=12)
    assert {image.size for image in frames.values()} == {SIZE}


def test_what_decord_refuses_is_read_all_the_same(tmp_path):
    path = make_video(tmp_path / "a.mp4", [index / 10 for index in range(100)], codec="libsvtav1")
    assert list(read(path, 0.0, 4.01, 9.85)) == pytest.approx([0, 4.0, 9.8], abs=0.01)


def test_a_stream_that_starts_late_starts_at_zero(tmp_path):
    path = shifted(
        make_video(tmp_path / "a.mp4", [index / 10 for index in range(30)], codec="libx264"), 100
    )
    assert probe(str(path), "a").duration_s == pytest.approx(3, abs=0.2)
    assert list(read(path, 0.0, 1.05)) == pytest.approx([0, 1.0], abs=0.02)


def shifted(path: Path, seconds: int) -> Path:
    """Write the video as MPEG-TS whose clock starts late, as recorders do."""
    target = path.with_suffix(".ts")
    with av.open(str(path)) as source, av.open(str(target), "w") as sink:
        stream = sink.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                late = int(seconds / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + late, packet.dts + late, stream
                sink.mux(packet)
    return target


# The rows of the display matrix, and the place of the bright left half in the upright frame: x, y
# in eighths.
ROTATIONS = {
    "right": ((0, 1, -1, 0), (4, 1)),
    "left": ((0, -1, 1, 0), (4, 7)),
    "over": ((-1, 0, 0, -1), (7, 4)),
}


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize("codec", ["libx264", "libsvtav1"])
def test_frames_come_upright(tmp_path, rotation, codec):
    matrix, (x, y) = ROTATIONS[rotation]
    path = turned(halves(tmp_path / "a.mp4", codec), matrix)
    stream = probe(str(path), "a")
    size = (stream.width // 2, stream.height // 2)
    assert (stream.width > stream.height) == (rotation == "over")
    (image,) = read(path, 0.0, size=size).values()
    bright, dark = (
        (x * size[0] // 8, y * size[1] // 8),
        ((8 - x) * size[0] // 8, (8 - y) * size[1] // 8),
    )
    assert image.getpixel(bright)[0] > 200 > 50 > image.getpixel(dark)[0]


def halves(path: Path, codec: str) -> Path:
    """Write frames with a bright left and a dark right half."""
    pixels = np.zeros((128, 192, 3), np.uint8)
    pixels[:, :96] = 255
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 192, 128, "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write the display matrix of a phone into the track header."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def test_a_recording_without_a_length_gets_one(tmp_path):
    path = make_video(tmp_path / "a.mkv", [index / 10 for index in range(50)])
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x44\x89\x88", b"\xec\x89\x88", 1))  # Duration becomes Void
    assert probe(str(path), "a").duration_s == pytest.approx(5, abs=0.2)


def test_a_cut_video_gives_what_is_left(tmp_path):
    path = make_video(
        tmp_path / "a.mkv", [index / 10 for index in range(200)], size=(320, 240), codec="libx264"
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = read(path, *(index * 2.5 + 0.25 for index in range(8)))
    assert len(frames) >= 4
    assert max(frames) < 19


def test_sound_alone_has_no_frames(tmp_path):
    with pytest.raises(NoPagesError):
        probe(str(make_sound(tmp_path / "a.mp4")), "a")


def test_nonsense_is_damaged(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 500)
    with pytest.raises(DamagedFileError):
        probe(str(tmp_path / "a.mp4"), "a")


def test_the_size_is_known_before_frames_are_read(tmp_path):
    assert probe(str(make_video(tmp_path / "a.mp4", [0, 0.5, 1])), "a") == VideoStreamInfo(
        160, 120, pytest.approx(1, abs=0.6)
    )
