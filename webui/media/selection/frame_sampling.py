"""Choose the times at which a video is sampled, and how many frames of which size fit. Pure."""

from __future__ import annotations

from math import ceil

from webui.errors import TimeRangeError, TooLargeError
from webui.media.sizes import Size, fit_share
from webui.protocol import PixelBudget

FRAMES_PER_S = 2.0
MIN_FRAMES = 4


def check_range(
    start_s: float, end_s: float | None, duration_s: float, name: str
) -> tuple[float, float]:
    """Return the chosen range, cut at the video's end. Raise TimeRangeError for an empty one."""
    end = duration_s if end_s is None else min(end_s, duration_s)
    if not 0 <= start_s < end:
        raise TimeRangeError(name=name, duration=round(duration_s, 1))
    return start_s, end


def check_length(length_s: float, name: str, max_s: float) -> None:
    """Raise TooLargeError for a range longer than `max_s`."""
    if length_s > max_s:
        raise TooLargeError(
            name=name, size=f"{length_s / 60:,.0f} minutes", limit=f"{max_s / 60:,.0f} minutes"
        )


def frame_count(start_s: float, end_s: float, wanted: int | None, max_frames: int) -> int:
    """Return `wanted`, or else two frames a second and at least four; at most `max_frames`."""
    count = wanted or max(MIN_FRAMES, ceil((end_s - start_s) * FRAMES_PER_S))
    return max(1, min(count, max_frames))


def sample_times(start_s: float, end_s: float, count: int) -> tuple[float, ...]:
    """Return `count` evenly spaced times, the first and the last a little inside the range."""
    inset = min(1 / FRAMES_PER_S, (end_s - start_s) / count) / 2
    if count == 1:
        return ((start_s + end_s) / 2,)
    step = (end_s - start_s - 2 * inset) / (count - 1)
    return tuple(start_s + inset + step * index for index in range(count))


def fit_frames(count: int, natural: Size, budget: PixelBudget, max_tokens: int) -> tuple[int, Size]:
    """Return how many of `count` frames fit into `max_tokens`, and their common size.

    Frames shrink first. Where even the smallest size costs too much, frames are left out.
    """
    while True:
        pairs = pair_count(count)
        size = fit_share(natural, pairs, budget, max_tokens)
        if pairs == 1 or pairs * budget.tokens(*size) <= max_tokens:
            return count, size
        count = 2 * (pairs - 1)


def pair_count(frames: int) -> int:
    """Return the number of temporal patches: Glm4v encodes two frames together."""
    return (frames + 1) // 2
