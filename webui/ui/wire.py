"""Model text -> the Markdown that the Chatbot is sent, so that every character is shown as it was written.

The Chatbot would swallow `<div>`, read "$5 to $10" as mathematics and pair dollars across code. So `<` and `&` outside
code become entities, and mathematics is found here and wrapped in private delimiters, the only ones the Chatbot knows.
The output only grows: what cannot be decided yet (an open `$`, a half fence) is held back for a moment.
"""

from __future__ import annotations

import re
from collections.abc import Callable

INLINE = ("\ue000", "\ue001")
DISPLAY = ("\ue002", "\ue003")
LATEX_DELIMITERS: list[dict[str, str | bool]] = [
    {"left": DISPLAY[0], "right": DISPLAY[1], "display": True},
    {"left": INLINE[0], "right": INLINE[1], "display": False},
]

_PRIVATE = re.compile("[\ue000-\ue003]")
_SPECIAL = re.compile(r"[<&`$\\\n]")
_MARKER = r"(?:[-*+]|\d{1,9}[.)])"
_FENCE = re.compile(rf"[ \t]*(?:>[ \t]?)*(?:{_MARKER}[ \t]+)?(`{{3,}}|~{{3,}})([^\n]*)\n")
_MAYBE_FENCE = re.compile(
    rf"[ \t]*(?:>[ \t]?)*(?:\d{{0,9}}|{_MARKER}|{_MARKER}[ \t]+)(?:`{{0,2}}|~{{0,2}}|(?:`{{3,}}|~{{3,}})[^\n]*)"
)
_LIST_ITEM = re.compile(rf"[ \t]{{0,3}}{_MARKER}[ \t]")
_INDENTED = re.compile(r"(?: {4}|\t)[ \t]*\S")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_LINE_END = re.compile(r"\n")
# An inline formula: no space inside the dollars, on one line, no digit after it (Pandoc's rule, which spares prices).
_INLINE_MATH = re.compile(r"\$(?=[^\s$])((?:[^$\\\n]|\\.)*?[^\s\\])\$(?!\d)")
_ESCAPES = {"<": "&lt;", "&": "&amp;"}
_CODE_WINDOW = 2000
_DISPLAY_WINDOW = 4000
_INLINE_WINDOW = 400


class Wire:
    """Feed text as it arrives; each call returns what may be appended to the text on the wire."""

    def __init__(self, prose: Callable[[str], str] = str) -> None:
        """`prose` may change what is neither code nor mathematics, a stretch of a line at a time."""
        self._prose = prose
        self._held = ""
        self._line = ""  # the current line so far, to know what it was when it ends
        self._fence = ""  # the marker that opened the code block we are in
        self._opening = ""  # the same, while its own line is not over
        self._raw = False  # the current line is indented code
        self._after_blank = True
        self._in_list = False

    def feed(self, text: str) -> str:
        self._held += _PRIVATE.sub("\ufffd", text)
        return self._drain(final=False)

    def close(self) -> str:
        """The rest, when nothing more comes."""
        return self._drain(final=True)

    def _drain(self, final: bool) -> str:
        out: list[str] = []
        while self._held:
            used, shown = self._next(final)
            if not used:
                break
            self._note(self._held[:used])
            self._held = self._held[used:]
            out.append(shown)
        return "".join(out)

    def _note(self, raw: str) -> None:
        """Keep track of lines: what was taken may contain line ends."""
        *ended, rest = raw.split("\n")
        for piece in ended:
            self._end_line(self._line + piece)
            self._line = ""
        self._line += rest

    def _end_line(self, line: str) -> None:
        self._raw = False
        if self._opening:
            self._fence, self._opening = self._opening, ""
            return
        if self._fence:
            inner = line.lstrip(" \t>").rstrip()
            if len(inner) >= len(self._fence) and set(inner) == {self._fence[0]}:
                self._fence = ""
            self._after_blank = False
            return
        blank = not line.strip()
        if _LIST_ITEM.match(line):
            self._in_list = True
        elif not blank and self._after_blank and not line[0].isspace():
            self._in_list = False
        self._after_blank = blank or (self._after_blank and bool(_INDENTED.match(line)) and not self._in_list)

    def _next(self, final: bool) -> tuple[int, str]:
        """(characters taken, what is shown for them); 0 taken means: wait for more."""
        held = self._held
        if self._fence or self._raw:
            end = held.find("\n") + 1 or len(held)
            return end, held[:end]
        if not self._line and (taken := self._line_start(final)) is not None:
            return taken
        special = _SPECIAL.search(held)
        end = len(held) if special is None else special.start()
        if end:
            return end, self._prose(held[:end])
        return self._special(held[0], final)

    def _line_start(self, final: bool) -> tuple[int, str] | None:
        """Code blocks are known by how a line begins; None for any other line."""
        fence = _FENCE.match(self._held) or (final and _FENCE.match(self._held + "\n")) or None
        if fence and not (fence[1][0] == "`" and "`" in fence[2]):
            self._opening = fence[1]
            end = min(fence.end(), len(self._held))
            # A "mermaid" block would be drawn instead of shown; with a space before it the Chatbot shows it.
            return self._open_fence(end, fence)
        if not final and _MAYBE_FENCE.fullmatch(self._held):
            return 0, ""
        if self._after_blank and not self._in_list and _INDENTED.match(self._held):
            self._raw = True
            return self._next(final)
        return None

    def _open_fence(self, end: int, fence: re.Match[str]) -> tuple[int, str]:
        head = self._held[: fence.end(1)]
        return end, head + (" " if fence[2].startswith("mermaid") else "") + self._held[fence.end(1) : end]

    def _special(self, char: str, final: bool) -> tuple[int, str]:
        if char == "\n":
            return 1, char
        if char in _ESCAPES:
            return 1, _ESCAPES[char]
        if char == "`":
            return self._code_span(final)
        if char == "$":
            return self._dollar(final)
        return self._backslash(final)

    def _code_span(self, final: bool) -> tuple[int, str]:
        held = self._held
        run = len(held) - len(held.lstrip("`"))
        if run == len(held) and not final:
            return 0, ""
        closing = re.compile(rf"(?<!`)`{{{run}}}(?!`)")
        end = self._closing(closing, run, _CODE_WINDOW, final, needs_next=True)
        if end is None:
            return 0, ""
        return (end, held[:end]) if end else (run, held[:run])

    def _dollar(self, final: bool) -> tuple[int, str]:
        held = self._held
        if len(held) < 2 and not final:
            return 0, ""
        if held.startswith("$$"):
            end = self._closing(re.compile(r"\$\$"), 2, _DISPLAY_WINDOW, final)
            if end is None:
                return 0, ""
            return (end, DISPLAY[0] + held[2 : end - 2] + DISPLAY[1]) if end and end > 4 else (2, "$$")
        window = held[:_INLINE_WINDOW]
        found = _INLINE_MATH.match(window)
        if found and (found.end() < len(held) or final):
            return found.end(), INLINE[0] + found[1] + INLINE[1]
        undecided = len(held) <= _INLINE_WINDOW and "\n" not in held and not final
        return (0, "") if undecided and (found or not held[1].isspace()) else (1, "$")

    def _backslash(self, final: bool) -> tuple[int, str]:
        held = self._held
        if len(held) < 2:
            return (1, "\\") if final else (0, "")
        following = held[1]
        if following not in "([":
            return (1, "\\") if following == "\n" else (2, _ESCAPES.get(following, held[:2]))
        close, window = (r"\\\)", _INLINE_WINDOW) if following == "(" else (r"\\\]", _DISPLAY_WINDOW)
        end = self._closing(re.compile(close), 2, window, final)
        if end is None:
            return 0, ""
        left, right = INLINE if following == "(" else DISPLAY
        return (end, left + held[2 : end - 2] + right) if end > 4 else (2, "\\\\" + following)

    def _closing(
        self, pattern: re.Pattern[str], start: int, window: int, final: bool, needs_next: bool = False
    ) -> int | None:
        """Where what opened at 0 closes, in the same paragraph; 0 if it does not; None if that is not known yet."""
        held = self._held[: start + window]
        blank = _BLANK_LINE.search(held)
        limit = blank.start() if blank else len(held)
        complete = bool(blank) or final or len(self._held) > len(held)
        for found in pattern.finditer(held, start):
            if found.end() > limit:
                break
            if needs_next and found.end() == len(held) and not complete:
                return None
            return found.end()
        return 0 if complete else None


def exact(text: str, prose: Callable[[str], str] = str) -> str:
    """The whole of a finished text, as the wire ends up with it; `prose` as in Wire."""
    wire = Wire(prose)
    return wire.feed(text) + wire.close()
