"""Whether a place in Markdown that is still arriving lies inside code. Knows nothing of models or tags."""

from __future__ import annotations

import re
from typing import Literal

# A fence may stand in a quote, in a list item, or at any depth below one.
FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}|~{3,})([^`]*)")

Verdict = Literal["code", "text", "unknown"]


class CodeTracker:
    """Reads text a character at a time, so that how it was cut cannot matter.

    A fence begins with a line of ``` or ~~~ and ends with a line of at least as many. A span begins with a run of
    backticks and ends with a run of the same length in the same paragraph. Indented blocks are not told from text.
    """

    def __init__(self) -> None:
        self.fence = ""
        self.span = 0
        self._run = 0
        self._line = ""

    @property
    def in_fence(self) -> bool:
        """Whether the next character is inside a fence; after the backticks that close one it is not."""
        return bool(self.fence) and not self._line_closes()

    def write(self, text: str) -> None:
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
        """The run of backticks that was being read, if any, is over: it begins a span or ends one."""
        if not self._run:
            return
        if not self.span:
            self.span = self._run
        elif self.span == self._run:
            self.span = 0
        self._run = 0

    def end_block(self) -> None:
        """What follows begins a line of its own, outside code."""
        self.fence, self.span, self._run, self._line = "", 0, 0, ""

    def copy(self) -> CodeTracker:
        twin = CodeTracker()
        twin.fence, twin.span, twin._run, twin._line = self.fence, self.span, self._run, self._line
        return twin

    def _line_closes(self) -> bool:
        line = self._line.lstrip(" \t>").rstrip()
        return line.startswith(self.fence) and not line.strip(self.fence[0])

    def _end_line(self) -> None:
        if self.fence:
            if self._line_closes():
                self.fence = ""
        elif opening := FENCE.fullmatch(self._line):
            self.fence, self.span = opening[1], 0
        elif not self._line.strip():
            self.span = 0
        self._line = ""


class SpanProbe:
    """Looks ahead from inside a span that may never be closed: is it code, or a backtick that stands alone?

    Remembers how far it has read, so that waiting for a distant end costs no more than reading it once.
    """

    def __init__(self, tracker: CodeTracker) -> None:
        self._tracker = tracker.copy()
        self.position = 0

    def read(self, text: str, *, whole: bool) -> Verdict:
        """`text` is all that follows so far, `whole` whether nothing more will. At "code", `position` is the end."""
        tracker = self._tracker
        while self.position < len(text):
            character = text[self.position]
            if character != "`":
                tracker.end_run()
                if not tracker.span:
                    return "code"
            tracker.write(character)
            self.position += 1
            if tracker.fence:
                return "code"
            if not tracker.span:
                return "text"
        if not whole:
            return "unknown"
        tracker.end_run()
        return "text" if tracker.span else "code"
