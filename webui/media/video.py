"""Which instants of a video to look at, and the frames that are there, with their true times. Child process only.

decord, opened at the target size, does the work; PyAV does what decord refuses or cannot know, such as rotation.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import ceil

import av
from PIL import Image

from webui.errors import DamagedFileError, NoPagesError, TimeRangeError, TooLargeError

FRAMES_PER_S = 2.0
LEAST_FRAMES = 4


@dataclass(frozen=True, slots=True)
class Stream:
    """What the container says: upright size in pixels, length in seconds, degrees to turn each frame by."""

    width: int
    height: int
    duration_s: float
    rotation: int = 0


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames of one size with their times in seconds."""

    stream: Stream
    times: tuple[float, ...]
    frames: tuple[Image.Image, ...]


def frame_count(start_s: float, end_s: float, wanted: int | None, most: int) -> int:
    """How many frames to take: as many as wanted, else two a second, at least four, never more than `most`."""
    count = wanted or max(LEAST_FRAMES, ceil((end_s - start_s) * FRAMES_PER_S))
    return max(1, min(count, most))


def instants(start_s: float, end_s: float, count: int) -> tuple[float, ...]:
    """`count` times spread evenly from start to end, each in the middle of its share."""
    step = (end_s - start_s) / count
    return tuple(start_s + step * (index + 0.5) for index in range(count))


def check_range(start_s: float, end_s: float | None, duration_s: float, name: str) -> tuple[float, float]:
    end = duration_s if end_s is None else min(end_s, duration_s)
    if not 0 <= start_s < end:
        raise TimeRangeError(name=name, duration=round(duration_s, 1))
    return start_s, end


def probe(path: str, name: str) -> Stream:
    """Raises NoPagesError for a file without pictures, DamagedFileError for one that does not open."""
    try:
        with av.open(path) as container:
            stream = container.streams.best("video")
            if stream is None:
                raise NoPagesError(name=name)
            length = stream.duration * stream.time_base if stream.duration and stream.time_base else 0
            duration = float(length or (container.duration or 0) / av.time_base)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise DamagedFileError(name=name) from error
    first = last = next(_frames(path), None)
    if first is None:
        raise DamagedFileError(name=name)
    if not duration:  # a recording that was never finished, for one
        *_, last = _frames(path)
        duration = float(last.time) + 1 / FRAMES_PER_S
    turned = first.rotation % 180 != 0
    size = (first.height, first.width) if turned else (first.width, first.height)
    return Stream(*size, duration, first.rotation)


def read_clip(
    path: str,
    name: str,
    stream: Stream,
    wanted: tuple[float, ...],
    size: tuple[int, int],
    on_frame: Callable[[int], None],
) -> Clip:
    """The frames shown at the wanted instants, each once, at `size`; what can be decoded of a damaged file."""
    found: dict[float, Image.Image] = {}
    if not stream.rotation:
        # ImportError: there is no decord for some platforms.
        with suppress(RuntimeError, ValueError, IndexError, OSError, ImportError):
            found = _decord(path, wanted, size, on_frame)
    if not found:
        found = _pyav(path, wanted, size, on_frame)
    if not found:
        raise DamagedFileError(name=name)
    times = tuple(sorted(found))
    return Clip(stream, times, tuple(found[time] for time in times))


def check_length(length_s: float, name: str, max_s: float) -> None:
    if length_s > max_s:
        raise TooLargeError(name=name, size=f"{length_s / 60:,.0f} minutes", limit=f"{max_s / 60:,.0f} minutes")


def check_size(stream: Stream, name: str, max_pixels: int) -> None:
    if stream.width * stream.height > max_pixels:
        size = f"{stream.width} x {stream.height} pixels a frame"
        raise TooLargeError(name=name, size=size, limit=f"{max_pixels:,} pixels")


def _decord(
    path: str, wanted: tuple[float, ...], size: tuple[int, int], on_frame: Callable[[int], None]
) -> dict[float, Image.Image]:
    import decord

    reader = decord.VideoReader(path, width=size[0], height=size[1], num_threads=1)
    starts = [float(span[0]) for span in reader.get_frame_timestamp(range(len(reader)))]
    indices = sorted({min(max(bisect_left(starts, time + 1e-6) - 1, 0), len(starts) - 1) for time in wanted})
    found = {}
    for done, index in enumerate(indices, 1):
        found[starts[index]] = Image.fromarray(reader[index].asnumpy()).convert("RGB")
        on_frame(done)
    return found


def _pyav(
    path: str, wanted: tuple[float, ...], size: tuple[int, int], on_frame: Callable[[int], None]
) -> dict[float, Image.Image]:
    """Decodes from the start and keeps the last frame before each instant: slow, and it bears damage."""
    found: dict[float, Image.Image] = {}
    waiting = sorted(wanted)
    last: av.VideoFrame | None = None
    for frame in _frames(path):
        while waiting and last is not None and frame.time > waiting[0]:
            waiting.pop(0)
            _keep(found, last, size, on_frame)
        last = frame
        if not waiting:
            return found
    if waiting and last is not None:
        _keep(found, last, size, on_frame)
    return found


def _frames(path: str) -> Iterator[av.VideoFrame]:
    """All frames that can be decoded; a damaged packet costs only its own."""
    with suppress(av.error.FFmpegError, OSError, ValueError), av.open(path) as container:
        for packet in container.demux(container.streams.best("video")):
            with suppress(av.error.FFmpegError):
                for frame in packet.decode():
                    if isinstance(frame, av.VideoFrame) and frame.time is not None:
                        yield frame


def _keep(
    found: dict[float, Image.Image], frame: av.VideoFrame, size: tuple[int, int], on_frame: Callable[[int], None]
) -> None:
    if float(frame.time) not in found:
        image = frame.to_image().rotate(frame.rotation, expand=True)
        found[float(frame.time)] = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
        on_frame(len(found))
