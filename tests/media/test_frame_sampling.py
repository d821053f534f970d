"""Videos are sampled evenly, and their frames fit the tokens."""

from itertools import pairwise

import pytest

from webui.errors import TimeRangeError, TooLargeError
from webui.media.selection.frame_sampling import (
    check_length,
    check_range,
    fit_frames,
    frame_count,
    sample_times,
)
from webui.media.sizes import fit_share
from webui.protocol import PixelBudget

FRAME = PixelBudget(28, 6272, 705_600)


@pytest.mark.parametrize(
    ("length", "wanted", "count"),
    [(1, None, 4), (5, None, 10), (100, None, 32), (100, 8, 8), (100, 99, 32), (9, -1, 1)],
)
def test_the_number_of_frames(length, wanted, count):
    assert frame_count(0, length, wanted, 32) == count


@pytest.mark.parametrize("count", [1, 2, 3, 8, 64])
@pytest.mark.parametrize(("start", "end"), [(0, 0.05), (2, 10), (0, 3600)])
def test_times_are_even_and_reach_both_ends(start, end, count):
    times = sample_times(start, end, count)
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) == count
    assert steps == pytest.approx([(times[-1] - times[0]) / max(count - 1, 1)] * len(steps))
    assert times[0] - start == pytest.approx(end - times[-1])
    assert 0 < times[0] - start <= max(0.25, (end - start) / 2 if count == 1 else 0)


def test_ranges_end_with_the_video():
    assert check_range(1, None, 5, "a") == (1, 5)
    assert check_range(1, 9, 5, "a") == (1, 5)
    for start, end in ((5, None), (-1, 3), (3, 2), (float("nan"), 3)):
        with pytest.raises(TimeRangeError, match="lasts 5 s"):
            check_range(start, end, 5, "a")


def test_a_part_that_is_too_long_is_refused():
    check_length(60, "a", 60)
    with pytest.raises(TooLargeError, match="2 minutes; at most 1 minutes"):
        check_length(120, "a", 60)


@pytest.mark.parametrize("tokens", [1, 20, 100, 1000, 10_000, 100_000])
def test_frames_fit_the_tokens_by_size_first_then_by_number(tokens):
    count, size = fit_frames(32, (1920, 1080), FRAME, tokens)
    least = FRAME.tokens(*fit_share((1920, 1080), 32, FRAME, 1))
    assert FRAME.fit(*size) == size
    assert (count + 1) // 2 * FRAME.tokens(*size) <= max(tokens, least)
    assert count == 32 or tokens < 16 * least
