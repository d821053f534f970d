"""Code blocks in an answer: what opens and closes one, and how its lines are shown.

A block that is fenced at the margin stays Markdown, so that the Chatbot paints it. Whether any other block is one
depends on all that is around it; it becomes HTML, in which its text is text however Markdown reads the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from webui.ui.render.literal import literal

# How many characters of a line decide what it is. Possessive quantifiers keep that linear.
_WINDOW = 1000
_MARKER = r"(?:[-*+]|\d{1,9}[.)])"
_FRONT = rf"(?:[ \t]*+(?:>|{_MARKER}(?=[ \t])))*+[ \t]*+"
_FENCE = re.compile(rf"({_FRONT})(`{{3,}}+|~{{3,}}+)([^\n]*+)\n")
_MAYBE_FENCE = re.compile(
    rf"{_FRONT}(?:\d{{0,9}}|{_MARKER}|`{{0,2}}|~{{0,2}}|(?:`{{3,}}+|~{{3,}}+)[^\n]*+)"
)
_MAYBE_END = re.compile(r"[ \t>]*+[`~]*+[ \t]*+")
_INDENT = re.compile(r" {4}|\t")
_BLANK_LINES = re.compile(r"(?:[ \t]*+\n)*+")
_INDENTED = re.compile(r"(?: {4}|\t)[ \t]*+\S")
_OPEN, _CLOSE, _LINE_END = "<pre><code>", "</code></pre>", "&#10;"

LIST_ITEM = re.compile(rf"[ \t]{{0,3}}{_MARKER}[ \t]")


@dataclass(frozen=True, slots=True)
class Step:
    """`used` characters of the held text are shown as `shown`; `ends` the block. Nothing of either: wait for more."""

    used: int = 0
    shown: str = ""
    ends: bool = False


WAIT = Step()


@dataclass(frozen=True, slots=True)
class Listing:
    """An open code block. `fence` is what opened it, "" for indentation.

    In front of each of its lines stand `quotes` marks of a quotation, then up to `margin` blanks.
    """

    fence: str = ""
    markdown: bool = False
    quotes: int = 0
    margin: int = 0

    @property
    def close(self) -> str:
        return self.fence if self.markdown else _CLOSE

    def begin_line(self, held: str, first: bool, final: bool) -> Step:
        """At the start of a line; `first` of the block."""
        if not self.fence:
            return self._begin_indented(held, first, final)
        if not final and len(held) < _WINDOW and _MAYBE_END.fullmatch(held):
            return WAIT
        # As marked, Gradio's Markdown, knows an end; and written as it never doubts one.
        front = r" {0,3}+" if self.markdown else r"[ \t>]*+"
        window = held[:_WINDOW]
        end = re.compile(rf"{front}{self.fence}[`~]*+[ \t]*+(\n|\Z)").match(window)
        if end:
            line_end = end[1] if final and end.end() == len(held) else "\n"
            return Step(end.end(), self.close + line_end, ends=True)
        inner = re.compile(rf"(?:[ \t]*>){{{self.quotes}}}[ \t]{{0,{self.margin}}}").match(window)
        if inner is None:
            return Step(0, _CLOSE + "\n", ends=True)
        line = self.go_on(held[inner.end() :])
        separator = "" if first or self.markdown else _LINE_END
        return Step(inner.end() + line.used, separator + line.shown)

    def go_on(self, held: str) -> Step:
        """Within a line."""
        end = held.find("\n")
        used = len(held) if end < 0 else end + 1
        return Step(used, held[:used] if self.markdown else literal(held[:used].removesuffix("\n")))

    def _begin_indented(self, held: str, first: bool, final: bool) -> Step:
        blank = _BLANK_LINES.match(held)
        start = blank.end() if blank else 0
        if not held[start:].strip(" \t") and not final:
            return WAIT
        indent = _INDENT.match(held, start)
        if indent is None or not held[start:].strip():
            return Step(0, _CLOSE + "\n", ends=True)
        line = self.go_on(held[indent.end() :])
        separators = held.count("\n", 0, start) + (not first)
        return Step(indent.end() + line.used, _LINE_END * separators + line.shown)


def fenced(held: str, final: bool) -> tuple[Listing, Step] | None:
    """The block that the line at the start of `held` opens."""
    window = held[:_WINDOW]
    fence = _FENCE.match(window) or (
        _FENCE.match(window + "\n") if final and window == held else None
    )
    if fence is None or (fence[2][0] == "`" and "`" in fence[3]):
        return None
    front, marks, info = fence.groups()
    used = min(fence.end(), len(held))
    if not front:
        # A "mermaid" block would be drawn instead of shown; with a space before it the Chatbot shows it.
        space = " " if info.startswith("mermaid") else ""
        return Listing(marks, markdown=True), Step(used, f"{marks}{space}{info}\n")
    margin = len(front) - (front.rfind(">") + 1)
    return Listing(marks, False, front.count(">"), margin), Step(used, front + _OPEN)


def may_be_fenced(held: str) -> bool:
    """Whether that beginning of a line could still open a block."""
    return len(held) < _WINDOW and bool(_MAYBE_FENCE.fullmatch(held))


def indented(held: str) -> tuple[Listing, Step] | None:
    """The block that the indented line at the start of `held` opens, where Markdown has one."""
    return (Listing(), Step(0, _OPEN)) if _INDENTED.match(held[:_WINDOW]) else None
