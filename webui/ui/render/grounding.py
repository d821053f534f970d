"""Grounding: which pictures an answer refers to: pages that it mentions, boxes and their pictures.

GLM-4.1V gives a place as [left, top, right, bottom] in thousandths of the picture: alone, in a list
of lists, or as a member of an object that also has a "label". Pure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webui.protocol import Label, PageLabel, SlideLabel
from webui.ui.i18n.strings import LANGUAGES

BOX_SCALE = 1000
BOX = re.compile(r"\[\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*\]")
BOX_LABEL = re.compile(r'"label"\s*:\s*"([^"]*)"')
# The language of an answer is the model's choice, not that of the page: all of them count.
MENTION = re.compile(
    "|".join(pattern for language in LANGUAGES.values() for pattern in language.page_mentions),
    re.IGNORECASE,
)
WITHIN_LINK = re.compile(r"[^\[\]\n]*\]\(")
# assets/app.js opens the picture with that index when such a link is followed.
LINK_TARGET = "#seen-"


@dataclass(frozen=True, slots=True)
class Box:
    """Edges in thousandths of the picture. `label` is the answer's name for it, "" for none."""

    left: int
    top: int
    right: int
    bottom: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Grounding:
    """The pages that an answer mentions and its boxes, both by the index of the picture."""

    pages: frozenset[int] = frozenset()
    boxes: Mapping[int, Sequence[Box]] = field(default_factory=dict)


def find_grounding(answer: str, labels: Sequence[Label]) -> Grounding:
    """Return what the answer refers to among the pictures with these labels.

    A box belongs to the only picture, or else to that which was mentioned last before it. Boxes
    without a picture, or outside of one, are left out.
    """
    boxes: dict[int, list[Box]] = defaultdict(list)
    for match in BOX.finditer(answer):
        left, top, right, bottom = map(int, match.groups())
        mentioned = mentioned_pictures(answer[: match.start()], labels)
        candidates = [0] if len(labels) == 1 else mentioned
        if candidates and left < right <= BOX_SCALE and top < bottom <= BOX_SCALE:
            label = _box_label(answer, match)
            boxes[candidates[-1]].append(Box(left, top, right, bottom, label))
    return Grounding(frozenset(mentioned_pictures(answer, labels)), dict(boxes))


def link_mentions(text: str, labels: Sequence[Label]) -> str:
    """Return Markdown without code, in which each mention of a page is a link to its picture."""
    numbers = picture_numbers(labels)

    def to_link(match: re.Match[str]) -> str:
        number = _mentioned_number(match)
        # After "!", a link would become a picture.
        after_mark = text[max(match.start() - 1, 0) : match.start()] == "!"
        if number not in numbers or after_mark or WITHIN_LINK.match(text, match.end()):
            return match[0]
        return f"[{match[0]}]({LINK_TARGET}{numbers.index(number)})"

    return MENTION.sub(to_link, text)


def mentioned_pictures(text: str, labels: Sequence[Label]) -> list[int]:
    """Return the indexes of the pictures that the text mentions, in the order of the mentions."""
    numbers = picture_numbers(labels)
    mentioned = [_mentioned_number(match) for match in MENTION.finditer(text)]
    return [numbers.index(number) for number in mentioned if number in numbers]


def picture_numbers(labels: Sequence[Label]) -> list[int]:
    """Return the number that an answer calls each picture by: its page, else its place."""
    return [
        label.number if isinstance(label, PageLabel | SlideLabel) else place
        for place, label in enumerate(labels, 1)
    ]


def _mentioned_number(match: re.Match[str]) -> int:
    """Return the number in a match of MENTION: the only group that took part."""
    return int(next(group for group in match.groups() if group))


def _box_label(answer: str, match: re.Match[str]) -> str:
    """Return the "label" of the object that the box is a member of, "" if it is in none."""
    start, end = answer.rfind("{", 0, match.start()), answer.find("}", match.end())
    if start < 0 or end < 0 or "}" in answer[start : match.start()]:
        return ""
    label = BOX_LABEL.search(answer, start, end)
    return label[1] if label else ""
