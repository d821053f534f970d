"""Which pages of a document are meant: "1-5, 9" and its relatives. Pure."""

from __future__ import annotations

import re

from webui.errors import PageRangeError, TooManyPagesError

# Full-width digits, commas and dashes are what a Chinese keyboard writes.
SAME = str.maketrans("，、；;－–—~～至到", ",,,,-------")
DASH = re.compile(r"\s*-\s*")
SEPARATOR = re.compile(r"[\s,]+")
ITEM = re.compile(r"(\d{0,7})(-?)(\d{0,7})")


def parse_pages(value: str, count: int, limit: int, name: str) -> tuple[int, ...]:
    """1-based page numbers in order, each once; "" means the first ones up to `limit`, "3-" all from the third.

    Raises PageRangeError for what cannot be understood or does not exist, TooManyPagesError beyond `limit`.
    """
    text = DASH.sub("-", value.translate(SAME))
    items = [item for item in SEPARATOR.split(text) if item]
    if not items:
        return tuple(range(1, min(count, limit) + 1))
    chosen: set[int] = set()
    for item in items:
        chosen.update(_range(item, value, count, name))
    if len(chosen) > limit:
        raise TooManyPagesError(name=name, pages=len(chosen), limit=limit)
    return tuple(sorted(chosen))


def _range(item: str, value: str, count: int, name: str) -> range:
    match = ITEM.fullmatch(item)
    first, dash, last = match.groups() if match else ("", "", "")
    if not first and not last:
        raise PageRangeError(name=name, value=value, pages=count)
    start = int(first or 1)
    end = int(last or (count if dash else start))
    if not 1 <= start <= end <= count:
        raise PageRangeError(name=name, value=value, pages=count)
    return range(start, end + 1)
