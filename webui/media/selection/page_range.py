"""Parse page ranges such as "1-5, 9". Pure."""

from __future__ import annotations

import re

from webui.errors import PageRangeError, TooManyPagesError

# Chinese keyboards write full-width digits, commas and dashes.
ASCII_FORMS = str.maketrans("，、；;－–—~～至到", ",,,,-------")
DASH = re.compile(r"\s*-\s*")
SEPARATOR = re.compile(r"[\s,]+")
ITEM = re.compile(r"(\d{0,7})(-?)(\d{0,7})")


def parse_pages(value: str, count: int, max_pages: int, name: str) -> tuple[int, ...]:
    """Return the chosen 1-based page numbers in order, each once.

    "" chooses the first `max_pages`, "3-" all from the third. Raises PageRangeError for a range
    that cannot be understood or does not exist, TooManyPagesError for more than `max_pages`.
    """
    text = DASH.sub("-", value.translate(ASCII_FORMS))
    items = [item for item in SEPARATOR.split(text) if item]
    if not items:
        return tuple(range(1, min(count, max_pages) + 1))
    chosen: set[int] = set()
    for item in items:
        chosen.update(_parse_item(item, value, count, name))
    if len(chosen) > max_pages:
        raise TooManyPagesError(name=name, pages=len(chosen), limit=max_pages)
    return tuple(sorted(chosen))


def _parse_item(item: str, value: str, count: int, name: str) -> range:
    match = ITEM.fullmatch(item)
    first, dash, last = match.groups() if match else ("", "", "")
    if not first and not last:
        raise PageRangeError(name=name, value=value, pages=count)
    start = int(first or 1)
    end = int(last or (count if dash else start))
    if not 1 <= start <= end <= count:
        raise PageRangeError(name=name, value=value, pages=count)
    return range(start, end + 1)
