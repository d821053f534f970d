"""The frames of a video at given instants, with their true times. Runs in a child process only.

decord, opened at the target size, does the work; PyAV does what decord refuses. Times are seconds since the first
frame; both turn frames upright.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import av
from PIL import Image

from webui.errors import DamagedFileError, NoPagesError, TooLargeError

# Decoding on is cheaper than looking for the key frame before an instant that is as near as this.
NEAR_S = 2.0
THREADS = 2
Frames = dict[float, Image.Image]


@dataclass(frozen=True, slots=True)
class Stream:
    """What the container says: upright size in pixels, length in seconds."""

    width: int
    height: int
    duration_s: float


def probe(path: str, name: str) -> Stream:
    """Raises NoPagesError for a file without moving pictures, DamagedFileError for one that does not open."""
    try:
        with av.open(path) as container:
            video = _video_of(container)
            if video is None:
                raise NoPagesError(name=name)
            first = next(_decoded(container, video), None)
            length = video.duration * video.time_base if video.duration and video.time_base else 0
            duration = float(length or (container.duration or 0) / av.time_base)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise DamagedFileError(name=name) from error
    if first is None:
        raise DamagedFileError(name=name)
    # A recording that was never finished does not know its length.
    duration = duration if duration > 0 else _last_time(path)
    turned = first.rotation % 180 != 0
    size = (first.height, first.width) if turned else (first.width, first.height)
    return Stream(*size, duration)


def check_size(stream: Stream, name: str, max_pixels: int) -> None:
    if stream.width * stream.height > max_pixels:
        size = f"{stream.width} x {stream.height} pixels a frame"
        raise TooLargeError(name=name, size=size, limit=f"{max_pixels:,} pixels")


def read_frames(
    path: str,
    name: str,
    wanted: tuple[float, ...],
    size: tuple[int, int],
    on_frame: Callable[[int], None],
) -> Frames:
    """The frames shown at the wanted instants by their own times, each once, at `size`; what is left of damaged ones.

    Raises DamagedFileError if that is nothing.
    """
    frames = _read(path, wanted, size, on_frame)
    if not frames:
        raise DamagedFileError(name=name)
    last = max(frames)
    if len(wanted) > 2 and last < wanted[-2] and len(frames) < len(wanted):
        # The container promised more than it holds: spread the instants over what there is.
        share = (last - wanted[0]) / (wanted[-1] - wanted[0])
        nearer = tuple(wanted[0] + max(share, 0.0) * (time - wanted[0]) for time in wanted)
        frames = {**_read(path, nearer, size, on_frame), last: frames[last]}
    return frames


def _read(
    path: str, wanted: tuple[float, ...], size: tuple[int, int], on_frame: Callable[[int], None]
) -> Frames:
    # There is no decord for some platforms.
    with suppress(ImportError):
        if found := _decord(path, wanted, size, on_frame):
            return found
    return _pyav(path, wanted, size, on_frame) or _pyav(path, wanted, size, on_frame, seeking=False)


def _decord(
    path: str, wanted: tuple[float, ...], size: tuple[int, int], on_frame: Callable[[int], None]
) -> Frames:
    """All of the frames or none: where it meets damage it puts other frames in, or gives up."""
    import decord

    found: Frames = {}
    try:
        reader = decord.VideoReader(path, width=size[0], height=size[1], num_threads=1)
        spans = reader.get_frame_timestamp(range(len(reader)))
        starts = [float(span[0] - spans[0][0]) for span in spans]
        for index in sorted({max(bisect_right(starts, time) - 1, 0) for time in wanted}):
            image = Image.fromarray(reader[index].asnumpy())
            found[starts[index]] = image if image.size == size else image.resize(size)
            on_frame(len(found))
    except (decord.DECORDError, RuntimeError, ValueError, IndexError):
        return {}
    return found


def _pyav(
    path: str,
    wanted: tuple[float, ...],
    size: tuple[int, int],
    on_frame: Callable[[int], None],
    *,
    seeking: bool = True,
) -> Frames:
    """The last frame at or before each instant, or the first one after it where that one cannot be decoded."""
    found: Frames = {}
    with suppress(av.error.FFmpegError, OSError, ValueError), av.open(path) as container:
        video = _video_of(container)
        assert video is not None, "probed before"
        frames = _decoded(container, video)
        coming = next(frames, None)
        start = _start_of(video, coming)
        shown = coming
        for time in wanted:
            far = shown is not None and time > shown.time - start + NEAR_S
            if seeking and far and (seeking := _sought(container, video, time + start)):
                frames = _decoded(container, video)
                shown = coming = next(frames, None)
            while coming is not None and coming.time - start <= time:
                shown, coming = coming, next(frames, None)
            if shown is None:
                break
            moment = max(float(shown.time - start), 0.0)
            if moment not in found:
                found[moment] = _upright(shown, size)
                on_frame(len(found))
    return found


def _video_of(container: av.container.InputContainer) -> av.VideoStream | None:
    """The stream to look at; the cover of a song is none."""
    video = container.streams.best("video")
    if (
        not isinstance(video, av.VideoStream)
        or video.disposition & av.stream.Disposition.attached_pic
    ):
        return None
    video.codec_context.thread_count = THREADS
    return video


def _sought(container: av.container.InputContainer, video: av.VideoStream, time_s: float) -> bool:
    """Goes to the key frame before that time, if the container can."""
    with suppress(av.error.FFmpegError, OverflowError):
        container.seek(int(time_s / (video.time_base or 1)), stream=video)
        return True
    return False


def _decoded(
    container: av.container.InputContainer, video: av.VideoStream
) -> Iterator[av.VideoFrame]:
    """All frames from here that can be decoded and have a time; a damaged packet costs only its own."""
    with suppress(av.error.FFmpegError):
        for packet in container.demux(video):
            with suppress(av.error.FFmpegError):
                yield from (frame for frame in packet.decode() if frame.time is not None)


def _start_of(video: av.VideoStream, first: av.VideoFrame | None) -> float:
    if video.start_time is not None and video.time_base:
        return float(video.start_time * video.time_base)
    return float(first.time) if first is not None else 0.0


def _last_time(path: str) -> float:
    """When the last packet ends, from all of them; nothing is decoded."""
    first, last = None, 0.0
    with suppress(av.error.FFmpegError), av.open(path) as container:
        for packet in container.demux(_video_of(container)):
            if packet.pts is not None and packet.time_base:
                time = float(packet.pts * packet.time_base)
                first = time if first is None else min(first, time)
                last = max(last, time + float((packet.duration or 0) * packet.time_base))
    return max(last - (first or 0.0), 0.1)


def _upright(frame: av.VideoFrame, size: tuple[int, int]) -> Image.Image:
    turned = frame.rotation % 180 != 0
    width, height = (size[1], size[0]) if turned else size
    return frame.to_image(width=width, height=height).rotate(frame.rotation, expand=True)
