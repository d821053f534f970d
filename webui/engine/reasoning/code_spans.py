"""Track whether a place in Markdown that is still arriving lies inside code. Knows no tags."""

from __future__ import annotations

import re
from typing import Literal

# The opening line of a fence, which may stand in a quote, in a list item, or at any depth below
# one. The info string of a backtick fence holds no backtick (CommonMark 0.31, section 4.5).
FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}|~{3,})([^`]*)")

Verdict = Literal["code", "text", "unknown"]


class CodeTracker:
    """Reads text a character at a time, so that the result does not depend on how it was cut.

    A fence begins with a line of ``` or ~~~ and ends with a line of at least as many. A span
    begins with a run of backticks and ends with a run of the same length in the same paragraph.
    Indented code blocks are treated as text.

    `fence` is the opening marker of the current fence, "" outside; `span` is the number of
    backticks that opened the current span, 0 outside.
    """

    def __init__(self) -> None:
        self.fence = ""
        self.span = 0
        self._run = 0
        self._line = ""

    @property
    def in_fence(self) -> bool:
        """Whether the next character is inside a fence. After the closing backticks it is not."""
        return bool(self.fence) and not self._closes_fence()

    def feed(self, text: str) -> None:
        for character in text:
            if character == "\n":
                self.end_run()
                self._end_line()
            elif character == "`" and not self.fence:
                self._run += 1
                self._line += character
            else:
                self.end_run()
                self._line += character

    def end_run(self) -> None:
        """End the current run of backticks, if any: it opens a span or closes one."""
        if not self._run:
            return
        if not self.span:
            self.span = self._run
        elif self.span == self._run:
            self.span = 0
        self._run = 0

    def end_block(self) -> None:
        """Begin a new line outside code."""
        self.fence, self.span, self._run, self._line = "", 0, 0, ""

    def copy(self) -> CodeTracker:
        copy = CodeTracker()
        copy.fence, copy.span, copy._run, copy._line = self.fence, self.span, self._run, self._line
        return copy

    def _closes_fence(self) -> bool:
        line = self._line.lstrip(" \t>").rstrip()
        return line.startswith(self.fence) and not line.strip(self.fence[0])

    def _end_line(self) -> None:
        if self.fence:
            if self._closes_fence():
                self.fence = ""
        elif opening := FENCE.fullmatch(self._line):
            self.fence, self.span = opening[1], 0
        elif not self._line.strip():
            self.span = 0
        self._line = ""


class SpanLookahead:
    """Decides from the text that follows whether an open span is code or a lone backtick.

    The position is kept between calls, so that waiting for a distant end costs no more than
    reading the text once.
    """

    def __init__(self, tracker: CodeTracker) -> None:
        self._tracker = tracker.copy()
        self.position = 0

    def scan(self, text: str, *, is_final: bool) -> Verdict:
        """Scan all the text that follows so far; `is_final` says that no more will come.

        With the verdict "code", `position` is the end of the span in `text`.
        """
        tracker = self._tracker
        while self.position < len(text):
            character = text[self.position]
            if character != "`":
                tracker.end_run()
                if not tracker.span:
                    return "code"
            tracker.feed(character)
            self.position += 1
            if tracker.fence:
                return "code"
            if not tracker.span:
                return "text"
        if not is_final:
            return "unknown"
        tracker.end_run()
        return "text" if tracker.span else "code"
