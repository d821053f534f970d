"""What an answer points at: pages that it names, boxes, and which of the pictures each is in. Pure.

GLM-4.1V tells a place as [left, top, right, bottom] in thousandths of the picture, alone, in a list of lists, or as a
member of an object that also has a "label".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webui.protocol import Label, PageLabel, SlideLabel
from webui.ui.i18n.strings import LANGUAGES

WHOLE = 1000
BOX = re.compile(r"\[\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*\]")
LABEL = re.compile(r'"label"\s*:\s*"([^"]*)"')
MENTION = re.compile(
    "|".join(pattern for language in LANGUAGES.values() for pattern in language.page_mentions),
    re.IGNORECASE,
)
IN_LINK = re.compile(r"[^\[\]\n]*\]\(")
# look.py opens the picture of that number, from 0, when such a link is followed.
TARGET = "#seen-"


@dataclass(frozen=True, slots=True)
class Box:
    """Edges in thousandths of the picture. `label` is what the answer calls it, "" for nothing."""

    left: int
    top: int
    right: int
    bottom: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Pointed:
    """What an answer points at, by the index of the picture: pages that it names, and boxes."""

    pages: frozenset[int] = frozenset()
    boxes: Mapping[int, Sequence[Box]] = field(default_factory=dict)


def pointed_at(answer: str, labels: Sequence[Label]) -> Pointed:
    """Boxes of which nobody can tell the picture are left out."""
    boxes: dict[int, list[Box]] = defaultdict(list)
    for match in BOX.finditer(answer):
        left, top, right, bottom = map(int, match.groups())
        places = [0] if len(labels) == 1 else _named(answer[: match.start()], labels)
        if places and left < right <= WHOLE and top < bottom <= WHOLE:
            boxes[places[-1]].append(Box(left, top, right, bottom, _label(answer, match)))
    return Pointed(frozenset(_named(answer, labels)), dict(boxes))


def with_links(text: str, labels: Sequence[Label]) -> str:
    """Markdown without code, in which each page that is named leads to its picture."""
    numbers = _numbers(labels)

    def link(match: re.Match[str]) -> str:
        number = _mentioned(match)
        # A link behind "!" would be a picture.
        behind_mark = text[max(match.start() - 1, 0) : match.start()] == "!"
        if number not in numbers or behind_mark or IN_LINK.match(text, match.end()):
            return match[0]
        return f"[{match[0]}]({TARGET}{numbers.index(number)})"

    return MENTION.sub(link, text)


def _named(text: str, labels: Sequence[Label]) -> list[int]:
    """The pictures that are named, in that order."""
    numbers = _numbers(labels)
    named = [_mentioned(match) for match in MENTION.finditer(text)]
    return [numbers.index(number) for number in named if number in numbers]


def _mentioned(match: re.Match[str]) -> int:
    """Return the number in a match of MENTION: the only group that took part."""
    return int(next(group for group in match.groups() if group))


def _numbers(labels: Sequence[Label]) -> list[int]:
    """Return the number that an answer calls each picture by: its page, else its place."""
    return [
        label.number if isinstance(label, PageLabel | SlideLabel) else place
        for place, label in enumerate(labels, 1)
    ]


def _label(answer: str, match: re.Match[str]) -> str:
    """From the object that the box is a member of."""
    start, end = answer.rfind("{", 0, match.start()), answer.find("}", match.end())
    if start < 0 or end < 0 or "}" in answer[start : match.start()]:
        return ""
    label = LABEL.search(answer, start, end)
    return label[1] if label else ""
