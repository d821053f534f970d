"""Parse page ranges such as "1-5, 9". Pure."""

from __future__ import annotations

import re

from webui.errors import (
    PageRangeError,
    SlideRangeError,
    TooManyPagesError,
    TooManySlidesError,
)
from webui.protocol import PageLabel, PageLabelType, SlideLabel

# Chinese keyboards write full-width digits, commas and dashes.
ASCII_FORMS = str.maketrans("，、；;－–—~～至到", ",,,,-------")
DASH = re.compile(r"\s*-\s*")
SEPARATOR = re.compile(r"[\s,]+")
ITEM = re.compile(r"(\d{0,7})(-?)(\d{0,7})")


def parse_pages(
    value: str, count: int, max_pages: int, name: str, label: PageLabelType = PageLabel
) -> tuple[int, ...]:
    """Return the chosen 1-based page numbers in order, each once.

    "" chooses the first `max_pages`, "3-" all from the third. Raises PageRangeError for a range
    that cannot be understood or does not exist, TooManyPagesError for more than `max_pages`; of
    slides, as `label` says, the errors that call them so.
    """
    text = DASH.sub("-", value.translate(ASCII_FORMS))
    items = [item for item in SEPARATOR.split(text) if item]
    if not items:
        return tuple(range(1, min(count, max_pages) + 1))
    chosen: set[int] = set()
    for item in items:
        pages = _parse_item(item, count)
        if not pages:
            range_error = SlideRangeError if label is SlideLabel else PageRangeError
            raise range_error(name=name, value=value, pages=count)
        chosen.update(pages)
    if len(chosen) > max_pages:
        number_error = TooManySlidesError if label is SlideLabel else TooManyPagesError
        raise number_error(name=name, pages=len(chosen), limit=max_pages)
    return tuple(sorted(chosen))


def _parse_item(item: str, count: int) -> range:
    """Return the pages of one item, none if it cannot be understood or does not exist."""
    match = ITEM.fullmatch(item)
    first, dash, last = match.groups() if match else ("", "", "")
    if not first and not last:
        return range(0)
    start = int(first or 1)
    end = int(last or (count if dash else start))
    return range(start, end + 1) if 1 <= start <= end <= count else range(0)
