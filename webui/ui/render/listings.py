"""Code blocks in an answer: what opens and closes one, and how its lines are shown.

A block that is fenced at the margin stays Markdown, so that the Chatbot highlights it. Whether any
other text is a code block depends on all that surrounds it; such a block becomes HTML, which shows
its text whatever Markdown makes of the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from webui.ui.render.escaping import escape_punctuation

# So many characters of a line decide what it is. Possessive quantifiers keep that linear.
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
    """`consumed` characters of the pending text are shown as `shown`; `ends` closes the block.

    A step without either waits for more text.
    """

    consumed: int = 0
    shown: str = ""
    ends: bool = False


WAIT = Step()


@dataclass(frozen=True, slots=True)
class Listing:
    """An open code block. `fence` is what opened it, "" for indentation.

    Each of its lines begins with `quotes` marks of a quotation, then up to `margin` spaces.
    """

    fence: str = ""
    markdown: bool = False
    quotes: int = 0
    margin: int = 0

    @property
    def close(self) -> str:
        return self.fence if self.markdown else _CLOSE

    def begin_line(self, pending: str, is_first: bool, final: bool) -> Step:
        """Return the step at the start of a line; `is_first` of the block, `final` of the text."""
        if not self.fence:
            return self._begin_indented_line(pending, is_first, final)
        if not final and len(pending) < _WINDOW and _MAYBE_END.fullmatch(pending):
            return WAIT
        # Marked, the parser in Gradio's frontend, accepts these ends of a block; the end is then
        # written in the one form that no parser doubts.
        front = r" {0,3}+" if self.markdown else r"[ \t>]*+"
        window = pending[:_WINDOW]
        end = re.compile(rf"{front}{self.fence}[`~]*+[ \t]*+(\n|\Z)").match(window)
        if end:
            line_end = end[1] if final and end.end() == len(pending) else "\n"
            return Step(end.end(), self.close + line_end, ends=True)
        inner = re.compile(rf"(?:[ \t]*>){{{self.quotes}}}[ \t]{{0,{self.margin}}}").match(window)
        if inner is None:
            return Step(0, _CLOSE + "\n", ends=True)
        line = self.continue_line(pending[inner.end() :])
        separator = "" if is_first or self.markdown else _LINE_END
        return Step(inner.end() + line.consumed, separator + line.shown)

    def continue_line(self, pending: str) -> Step:
        """Return the step within a line."""
        end = pending.find("\n")
        consumed = len(pending) if end < 0 else end + 1
        text = pending[:consumed]
        shown = text if self.markdown else escape_punctuation(text.removesuffix("\n"))
        return Step(consumed, shown)

    def _begin_indented_line(self, pending: str, is_first: bool, final: bool) -> Step:
        blank = _BLANK_LINES.match(pending)
        start = blank.end() if blank else 0
        if not pending[start:].strip(" \t") and not final:
            return WAIT
        indent = _INDENT.match(pending, start)
        if indent is None or not pending[start:].strip():
            return Step(0, _CLOSE + "\n", ends=True)
        line = self.continue_line(pending[indent.end() :])
        separators = pending.count("\n", 0, start) + (not is_first)
        return Step(indent.end() + line.consumed, _LINE_END * separators + line.shown)


def open_fenced(pending: str, final: bool) -> tuple[Listing, Step] | None:
    """Return the block that a fence at the start of `pending` opens, None if there is no fence."""
    window = pending[:_WINDOW]
    fence = _FENCE.match(window)
    if fence is None and final and window == pending:
        fence = _FENCE.match(window + "\n")
    if fence is None or (fence[2][0] == "`" and "`" in fence[3]):
        return None
    front, marks, info = fence.groups()
    consumed = min(fence.end(), len(pending))
    if not front:
        # The Chatbot draws a "mermaid" block as a diagram; after a space it shows the source.
        space = " " if info.startswith("mermaid") else ""
        return Listing(marks, markdown=True), Step(consumed, f"{marks}{space}{info}\n")
    margin = len(front) - (front.rfind(">") + 1)
    return Listing(marks, False, front.count(">"), margin), Step(consumed, front + _OPEN)


def may_be_fence(pending: str) -> bool:
    """Return whether that beginning of a line could still become a fence."""
    return len(pending) < _WINDOW and bool(_MAYBE_FENCE.fullmatch(pending))


def open_indented(pending: str) -> tuple[Listing, Step] | None:
    """Return the block that an indented line opens, where Markdown allows one; else None."""
    return (Listing(), Step(0, _OPEN)) if _INDENTED.match(pending[:_WINDOW]) else None
