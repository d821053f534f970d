"""Which instants of a video are looked at."""

import pytest

from webui.errors import TimeRangeError
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
