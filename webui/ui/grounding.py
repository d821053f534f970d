"""Boxes in an answer, and which of the pictures each is in. Pure.

GLM-4.1V tells a place as [left, top, right, bottom] in thousandths of the picture, alone, in a list of lists, or as a
member of an object that also has a "label".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

WHOLE = 1000
BOX = re.compile(r"\[\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*\]")
LABEL = re.compile(r'"label"\s*:\s*"([^"]*)"')
MENTION = re.compile(r"(?:page|slide|picture|image|p\.)\s*(\d+)|第\s*(\d+)\s*[页张]", re.IGNORECASE)
NUMBER = re.compile(r"(?:p\.|slide) (\d+)")


@dataclass(frozen=True, slots=True)
class Box:
    """Edges in thousandths of the picture. `label` is what the answer calls it, "" for nothing."""

    left: int
    top: int
    right: int
    bottom: int
    label: str = ""


def boxes_in(answer: str, captions: Sequence[str]) -> dict[int, list[Box]]:
    """The boxes by the index of their picture; those of which nobody can tell the picture are left out."""
    found: dict[int, list[Box]] = defaultdict(list)
    for match in BOX.finditer(answer):
        left, top, right, bottom = map(int, match.groups())
        place = _picture(answer[: match.start()], captions)
        if place is not None and left < right <= WHOLE and top < bottom <= WHOLE:
            found[place].append(Box(left, top, right, bottom, _label(answer, match)))
    return dict(found)


def _picture(before: str, captions: Sequence[str]) -> int | None:
    """The only picture, or the page that was mentioned last."""
    if len(captions) == 1:
        return 0
    mentions = MENTION.findall(before)
    if not mentions:
        return None
    number = int(mentions[-1][0] or mentions[-1][1])
    pages = [NUMBER.fullmatch(caption) for caption in captions]
    numbers = [int(page[1]) if page else place for place, page in enumerate(pages, 1)]
    return numbers.index(number) if number in numbers else None


def _label(answer: str, match: re.Match[str]) -> str:
    """From the object that the box is a member of."""
    start, end = answer.rfind("{", 0, match.start()), answer.find("}", match.end())
    if start < 0 or end < 0 or "}" in answer[start : match.start()]:
        return ""
    label = LABEL.search(answer, start, end)
    return label[1] if label else ""
