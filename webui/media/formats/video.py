"""Decode the frames of a video at given times, with their true timestamps.

decord, opened at the target size, does the work; PyAV does what decord refuses. Times are seconds
since the first frame, and frames come upright from both. Runs in a child process only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import av
from PIL import Image

from webui.errors import DamagedFileError, NoPagesError, TooLargeError
from webui.media.decode_job import DecodeJob, Reporter
from webui.media.selection.frame_sampling import check_length, sample_times
from webui.media.selection.outline import Outline
from webui.media.sizes import Size
from webui.protocol import PixelBudget

# Decoding on is cheaper than seeking to the key frame before a time that is this near.
SEEK_DISTANCE_S = 2.0
THREADS = 2
# The frames of a video by their timestamps.
Frames = dict[float, Image.Image]
OnFrame = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class VideoStreamInfo:
    """What the container says: upright size in pixels, length in seconds."""

    width: int
    height: int
    duration_s: float


def read(job: DecodeJob, reporter: Reporter) -> None:
    """Send the frames that the job wants."""
    info = probe(job.path, job.name)
    check_size(info, job.name, job.max_image_pixels)
    outline = Outline(job.name, ((info.width, info.height),), info.duration_s)
    budget = PixelBudget(*job.budget)
    sampling = outline.sampling(job.selection, budget, job.max_tokens, job.max_frames)
    check_length(sampling.end_s - sampling.start_s, job.name, job.max_video_s)

    def report(done: int) -> None:
        reporter.send_progress(min(done, sampling.count), sampling.count)

    times = sample_times(sampling.start_s, sampling.end_s, sampling.count)
    frames = read_frames(job.path, job.name, times, sampling.size, report)
    reporter.send(natural_sizes=outline.natural_sizes, duration_s=info.duration_s)
    for time in sorted(frames):
        reporter.send_image(frames[time], time=time)


def probe(path: str, name: str) -> VideoStreamInfo:
    """Read the size and the length of a video.

    Raises NoPagesError for a file without moving pictures, DamagedFileError for one that does not
    open.
    """
    try:
        with av.open(path) as container:
            video = _video_stream(container)
            if video is None:
                raise NoPagesError(name=name)
            first = next(_decode(container, video), None)
            length = video.duration * video.time_base if video.duration and video.time_base else 0
            duration = float(length or (container.duration or 0) / av.time_base)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise DamagedFileError(name=name) from error
    if first is None:
        raise DamagedFileError(name=name)
    # A recording that was never finished does not know its length.
    duration = duration if duration > 0 else _measure_duration(path)
    rotated = first.rotation % 180 != 0
    size = (first.height, first.width) if rotated else (first.width, first.height)
    return VideoStreamInfo(*size, duration)


def check_size(info: VideoStreamInfo, name: str, max_pixels: int) -> None:
    if info.width * info.height > max_pixels:
        size = f"{info.width} x {info.height} pixels a frame"
        raise TooLargeError(name=name, size=size, limit=f"{max_pixels:,} pixels")


def read_frames(
    path: str, name: str, times: tuple[float, ...], size: Size, on_frame: OnFrame
) -> Frames:
    """Return the frames shown at the given times, each once, at `size`.

    Of a damaged video, return what is left. Raises DamagedFileError if that is nothing.
    """
    frames = _decode_at(path, times, size, on_frame)
    if not frames:
        raise DamagedFileError(name=name)
    last = max(frames)
    if len(times) > 2 and last < times[-2] and len(frames) < len(times):
        # The container promised more than it holds: spread the times over what there is.
        share = (last - times[0]) / (times[-1] - times[0])
        nearer = tuple(times[0] + max(share, 0.0) * (time - times[0]) for time in times)
        frames = {**_decode_at(path, nearer, size, on_frame), last: frames[last]}
    return frames


def _decode_at(path: str, times: tuple[float, ...], size: Size, on_frame: OnFrame) -> Frames:
    # There is no decord for some platforms.
    with suppress(ImportError):
        if frames := _decode_with_decord(path, times, size, on_frame):
            return frames
    return _decode_with_pyav(path, times, size, on_frame) or _decode_with_pyav(
        path, times, size, on_frame, seeking=False
    )


def _decode_with_decord(
    path: str, times: tuple[float, ...], size: Size, on_frame: OnFrame
) -> Frames:
    """Return all of the frames, or none where decord fails.

    Where it meets damage it gives up, or returns other frames.
    """
    import decord

    frames: Frames = {}
    try:
        reader = decord.VideoReader(path, width=size[0], height=size[1], num_threads=1)
        spans = reader.get_frame_timestamp(range(len(reader)))
        starts = [float(span[0] - spans[0][0]) for span in spans]
        for index in sorted({max(bisect_right(starts, time) - 1, 0) for time in times}):
            image = Image.fromarray(reader[index].asnumpy())
            frames[starts[index]] = image if image.size == size else image.resize(size)
            on_frame(len(frames))
    except (decord.DECORDError, RuntimeError, ValueError, IndexError):
        return {}
    return frames


def _decode_with_pyav(
    path: str,
    times: tuple[float, ...],
    size: Size,
    on_frame: OnFrame,
    *,
    seeking: bool = True,
) -> Frames:
    """Return the last frame at or before each time, or the first one after it where that one
    cannot be decoded.
    """
    frames: Frames = {}
    with suppress(av.error.FFmpegError, OSError, ValueError), av.open(path) as container:
        video = _video_stream(container)
        assert video is not None, "probed before"
        decoded = _decode(container, video)
        coming = next(decoded, None)
        start = _start_time(video, coming)
        shown = coming
        for time in times:
            far = shown is not None and time > shown.time - start + SEEK_DISTANCE_S
            if seeking and far and (seeking := _seek(container, video, time + start)):
                decoded = _decode(container, video)
                shown = coming = next(decoded, None)
            while coming is not None and coming.time - start <= time:
                shown, coming = coming, next(decoded, None)
            if shown is None:
                break
            timestamp = max(float(shown.time - start), 0.0)
            if timestamp not in frames:
                frames[timestamp] = _upright(shown, size)
                on_frame(len(frames))
    return frames


def _video_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """Return the video stream, None where there is only the cover picture of a song."""
    video = container.streams.best("video")
    if (
        not isinstance(video, av.VideoStream)
        or video.disposition & av.stream.Disposition.attached_pic
    ):
        return None
    video.codec_context.thread_count = THREADS
    return video


def _seek(container: av.container.InputContainer, video: av.VideoStream, time_s: float) -> bool:
    """Go to the key frame before that time. Return False where the container cannot."""
    with suppress(av.error.FFmpegError, OverflowError):
        container.seek(int(time_s / (video.time_base or 1)), stream=video)
        return True
    return False


def _decode(
    container: av.container.InputContainer, video: av.VideoStream
) -> Iterator[av.VideoFrame]:
    """Yield all frames from here that have a time; a damaged packet costs only its own."""
    with suppress(av.error.FFmpegError):
        for packet in container.demux(video):
            with suppress(av.error.FFmpegError):
                yield from (frame for frame in packet.decode() if frame.time is not None)


def _start_time(video: av.VideoStream, first: av.VideoFrame | None) -> float:
    if video.start_time is not None and video.time_base:
        return float(video.start_time * video.time_base)
    return float(first.time) if first is not None else 0.0


def _measure_duration(path: str) -> float:
    """Return the end of the last packet, from all of them; nothing is decoded."""
    first, last = None, 0.0
    with suppress(av.error.FFmpegError), av.open(path) as container:
        for packet in container.demux(_video_stream(container)):
            if packet.pts is not None and packet.time_base:
                time = float(packet.pts * packet.time_base)
                first = time if first is None else min(first, time)
                last = max(last, time + float((packet.duration or 0) * packet.time_base))
    return max(last - (first or 0.0), 0.1)


def _upright(frame: av.VideoFrame, size: Size) -> Image.Image:
    rotated = frame.rotation % 180 != 0
    width, height = (size[1], size[0]) if rotated else size
    return frame.to_image(width=width, height=height).rotate(frame.rotation, expand=True)
