"""Which instants of a video to look at, and how large its frames may be. Pure; knows no file."""

from __future__ import annotations

from math import ceil

from webui.errors import TimeRangeError, TooLargeError
from webui.media.sizes import fit_share
from webui.protocol import PixelBudget

FRAMES_PER_S = 2.0
LEAST_FRAMES = 4


def check_range(
    start_s: float, end_s: float | None, duration_s: float, name: str
) -> tuple[float, float]:
    """The chosen part, ended with the video. Raises TimeRangeError for one that does not exist."""
    end = duration_s if end_s is None else min(end_s, duration_s)
    if not 0 <= start_s < end:
        raise TimeRangeError(name=name, duration=round(duration_s, 1))
    return start_s, end


def check_length(length_s: float, name: str, max_s: float) -> None:
    if length_s > max_s:
        raise TooLargeError(
            name=name, size=f"{length_s / 60:,.0f} minutes", limit=f"{max_s / 60:,.0f} minutes"
        )


def frame_count(start_s: float, end_s: float, wanted: int | None, most: int) -> int:
    """How many frames to take: as many as wanted, else two a second, at least four, never more than `most`."""
    count = wanted or max(LEAST_FRAMES, ceil((end_s - start_s) * FRAMES_PER_S))
    return max(1, min(count, most))


def instants(start_s: float, end_s: float, count: int) -> tuple[float, ...]:
    """`count` times, evenly spaced, the first and the last a little inside the part."""
    inset = min(1 / FRAMES_PER_S, (end_s - start_s) / count) / 2
    if count == 1:
        return ((start_s + end_s) / 2,)
    step = (end_s - start_s - 2 * inset) / (count - 1)
    return tuple(start_s + inset + step * index for index in range(count))


def fitted(
    count: int, natural: tuple[int, int], budget: PixelBudget, max_tokens: int
) -> tuple[int, tuple[int, int]]:
    """The number of frames and their common size in pixels: fewer frames where the smallest would still cost too much.

    Two frames share one visual token's depth in time.
    """
    while True:
        pairs = pairs_of(count)
        size = fit_share(natural, pairs, budget, max_tokens)
        if pairs == 1 or pairs * budget.tokens(*size) <= max_tokens:
            return count, size
        count = 2 * (pairs - 1)


def pairs_of(frames: int) -> int:
    return (frames + 1) // 2
