"""Page ranges are parsed as users write them."""

import pytest

from webui.errors import (
    PageRangeError,
    SlideRangeError,
    TooManyPagesError,
    TooManySlidesError,
)
from webui.media.selection.page_range import parse_pages
from webui.protocol import SlideLabel


@pytest.mark.parametrize(
    ("value", "pages"),
    [
        ("", (1, 2, 3, 4)),
        ("2", (2,)),
        ("1-2, 5", (1, 2, 5)),
        (" 5 ,1 - 2,", (1, 2, 5)),
        ("3-1", None),
        ("8-", (8, 9)),
        ("-2", (1, 2)),
        ("1、3，5", (1, 3, 5)),
        ("１－２", (1, 2)),
        ("2-2,2", (2,)),
        ("0", None),
        ("10", None),
        ("a", None),
        ("-", None),
        ("1--2", None),
    ],
)
def test_ranges(value, pages):
    if pages is None:
        with pytest.raises(PageRangeError, match=r"a\.pdf, which has 9 pages"):
            parse_pages(value, 9, 4, "a.pdf")
    else:
        assert parse_pages(value, 9, 4, "a.pdf") == pages


def test_more_than_the_limit_is_refused():
    with pytest.raises(TooManyPagesError, match="5 pages chosen; at most 4"):
        parse_pages("1-5", 9, 4, "a.pdf")


def test_slides_are_called_slides_in_errors():
    with pytest.raises(SlideRangeError, match=r"a\.pptx, which has 9 slides"):
        parse_pages("10", 9, 4, "a.pptx", SlideLabel)
    with pytest.raises(TooManySlidesError, match="5 slides chosen; at most 4"):
        parse_pages("1-5", 9, 4, "a.pptx", SlideLabel)
