"""Which pages of a document are meant: "1-5, 9" and its relatives. Pure."""

from __future__ import annotations

import re

from webui.errors import PageRangeError, TooManyPagesError

# Full-width digits, commas and dashes are what a Chinese keyboard writes.
SAME = str.maketrans("，、；;－–—~～至", ",,,,------")
ITEM = re.compile(r"(\d*)\s*(-?)\s*(\d*)")


def parse_pages(value: str, count: int, limit: int, name: str) -> tuple[int, ...]:
    """1-based page numbers in order, each once; "" means the first ones up to `limit`, "3-" all from the third.

    Raises PageRangeError for what cannot be understood or does not exist, TooManyPagesError beyond `limit`.
    """
    text = value.translate(SAME).strip(" ,")
    if not text:
        return tuple(range(1, min(count, limit) + 1))
    chosen: set[int] = set()
    for item in text.split(","):
        if item.strip():
            chosen.update(_range(item.strip(), value, count, name))
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
