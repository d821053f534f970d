"""MarkdownEscaper: model text as Markdown that the Chatbot shows character by character as written.

The Chatbot would swallow `<div>`, read "$5 to $10" as mathematics, pair dollars across code and
fetch pictures from any host. The text that it is sent therefore holds no HTML but ours: `<` and `&`
become entities, code spans become HTML, pictures become links, and mathematics is recognised here
and wrapped in private delimiters, the only ones that the Chatbot knows. The output only grows:
what cannot be decided yet (an open `$`, half a fence) is held back until more text arrives.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

from webui.ui.render.escaping import escape_punctuation
from webui.ui.render.listings import (
    LIST_ITEM,
    Listing,
    Step,
    may_be_fence,
    open_fenced,
    open_indented,
)
from webui.ui.render.picture_links import PLAIN_MARK, picture_link

INLINE = ("\ue000", "\ue001")
DISPLAY = ("\ue002", "\ue003")
LATEX_DELIMITERS: list[dict[str, str | bool]] = [
    {"left": DISPLAY[0], "right": DISPLAY[1], "display": True},
    {"left": INLINE[0], "right": INLINE[1], "display": False},
]

_PRIVATE = re.compile("[\ue000-\ue003]")
# Whether "!", "]" and "~" are special depends on the next character: "![" begins a picture, "]:"
# ends the name in a link definition, "~~" strikes out or opens a fence.
_SPECIAL = re.compile(r"[<&`$\\\n]|!(?=[\[!]|\Z)|\](?=:|\Z)|~(?=~|\Z)")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
# An inline formula: no space inside the dollars, on one line, and no digit after it, which leaves
# prices alone (Pandoc's rule, https://pandoc.org/MANUAL.html#extension-tex_math_dollars).
_INLINE_MATH = re.compile(r"\$(?=[^\s$])((?:[^$\\\n]|\\.)*?[^\s\\])\$(?!\d)")
_ESCAPES = {"<": "&lt;", "&": "&amp;", "!": PLAIN_MARK, "]": "&#93;", "`": "&#96;", "~": "&#126;"}
_CODE_WINDOW = 2000
_DISPLAY_WINDOW = 4000
_INLINE_WINDOW = 400


class MarkdownEscaper:
    """Escapes one text as it arrives; each call returns what may be appended to the output."""

    def __init__(self, prose: Callable[[str], str] = str) -> None:
        """`prose` may change text that is neither code nor mathematics; it gets parts of lines."""
        self._prose = prose
        self._pending = ""
        # The last text ended with "\r"; a "\n" that follows belongs to the same line end.
        self._after_return = False
        # The current line so far: what it is counts when it ends.
        self._line = ""
        # The code block that is open, and whether it has no line yet.
        self._listing: Listing | None = None
        self._is_first_line = False
        self._after_blank_line = True
        self._in_list = False

    def feed(self, text: str) -> str:
        self._pending += _PRIVATE.sub("\ufffd", self._normalize_line_ends(text))
        return self._drain(final=False)

    def close(self) -> str:
        """Return what was held back, at the end of the text."""
        rest = self._drain(final=True)
        if self._listing is not None and not self._listing.markdown:
            rest += self._listing.close
        self._listing = None
        return rest

    def _normalize_line_ends(self, text: str) -> str:
        """Return the text with "\\n" for "\\r\\n" and "\\r", which end a line in Markdown too."""
        rest = text.removeprefix("\n") if self._after_return else text
        self._after_return = text.endswith("\r") or (self._after_return and not text)
        return rest.replace("\r\n", "\n").replace("\r", "\n")

    def _drain(self, final: bool) -> str:
        output: list[str] = []
        while self._pending:
            consumed, shown = self._next(final)
            if not consumed and not shown:
                break
            self._track_lines(self._pending[:consumed])
            self._pending = self._pending[consumed:]
            output.append(shown)
        return "".join(output)

    def _track_lines(self, consumed_text: str) -> None:
        """Keep track of the lines in consumed text."""
        *ended, rest = consumed_text.split("\n")
        for piece in ended:
            self._end_line(self._line + piece)
            self._line = ""
        self._line += rest

    def _end_line(self, line: str) -> None:
        if self._listing is not None:
            self._after_blank_line = False
            return
        blank = not line.strip()
        if LIST_ITEM.match(line):
            self._in_list = True
        elif not blank and self._after_blank_line and not line[0].isspace():
            self._in_list = False
        self._after_blank_line = blank

    def _next(self, final: bool) -> tuple[int, str]:
        """Return (characters consumed, their output); (0, "") waits for more text."""
        pending = self._pending
        if self._listing is not None:
            return self._in_listing(self._listing, final)
        if not self._line and (step := self._line_start(final)) is not None:
            return step
        special = _SPECIAL.search(pending)
        end = len(pending) if special is None else special.start()
        if end:
            return end, self._prose(pending[:end])
        return self._special(pending[0], final)

    def _line_start(self, final: bool) -> tuple[int, str] | None:
        """Return the step of a line that opens a code block, None for any other line."""
        opened = open_fenced(self._pending, final)
        if opened is None:
            if not final and may_be_fence(self._pending):
                return 0, ""
            opened = (
                open_indented(self._pending)
                if self._after_blank_line and not self._in_list
                else None
            )
            if opened is None:
                return None
        self._listing, step = opened
        self._is_first_line = True
        self._in_list |= bool(LIST_ITEM.match(self._pending))
        # After a blank line no paragraph is open that could take the fence for its own text.
        gap = "\n" if self._listing.markdown and not self._after_blank_line else ""
        return step.consumed, gap + step.shown

    def _in_listing(self, listing: Listing, final: bool) -> tuple[int, str]:
        if self._line:
            step = listing.continue_line(self._pending)
        else:
            step = listing.begin_line(self._pending, self._is_first_line, final)
            self._is_first_line &= step == Step()
        if step.ends:
            self._listing = None
        return step.consumed, step.shown

    def _special(self, char: str, final: bool) -> tuple[int, str]:
        if char == "\n":
            return 1, char
        if char in "<&":
            return 1, _ESCAPES[char]
        if char == "`":
            return self._code_span(final)
        if char == "$":
            return self._dollar(final)
        if char == "\\":
            return self._backslash(final)
        if char == "~":
            return self._tildes(final)
        following = self._pending[1:2]
        if not following:
            return (1, char) if final else (0, "")
        if char == "!" and following == "[":
            return picture_link(self._pending, final) or (0, "")
        return (1, PLAIN_MARK) if char == "!" else (2, "]&#58;")

    def _tildes(self, final: bool) -> tuple[int, str]:
        """Pass two tildes on, which strike text out; escape three, which would open a block."""
        run = self._pending[:3]
        if run == "~~~":
            return 1, _ESCAPES["~"]
        struck = len(run) - len(run.lstrip("~"))
        return (struck, run[:struck]) if final or struck < len(run) else (0, "")

    def _code_span(self, final: bool) -> tuple[int, str]:
        pending = self._pending
        run = len(pending) - len(pending.lstrip("`"))
        if run == len(pending) and not final:
            return 0, ""
        closing = re.compile(rf"(?<!`)`{{{run}}}(?!`)")
        end = self._closing(closing, run, _CODE_WINDOW, final, needs_next=True)
        if end is None:
            return 0, ""
        return (end, code_html(pending[run : end - run])) if end else (run, _ESCAPES["`"] * run)

    def _dollar(self, final: bool) -> tuple[int, str]:
        pending = self._pending
        if len(pending) < 2 and not final:
            return 0, ""
        if pending.startswith("$$"):
            end = self._closing(re.compile(r"\$\$"), 2, _DISPLAY_WINDOW, final)
            if end is None:
                return 0, ""
            return (
                (end, mathematics(pending[2 : end - 2], DISPLAY)) if end and end > 4 else (2, "$$")
            )
        window = pending[:_INLINE_WINDOW]
        match = _INLINE_MATH.match(window)
        if match and (match.end() < len(pending) or final):
            return match.end(), mathematics(match[1], INLINE)
        undecided = len(pending) <= _INLINE_WINDOW and "\n" not in pending and not final
        return (0, "") if undecided and (match or not pending[1].isspace()) else (1, "$")

    def _backslash(self, final: bool) -> tuple[int, str]:
        pending = self._pending
        if len(pending) < 2:
            return (1, "\\") if final else (0, "")
        following = pending[1]
        if following not in "([":
            return (1, "\\") if following == "\n" else (2, _ESCAPES.get(following, pending[:2]))
        close, window = (
            (r"\\\)", _INLINE_WINDOW) if following == "(" else (r"\\\]", _DISPLAY_WINDOW)
        )
        end = self._closing(re.compile(close), 2, window, final)
        if end is None:
            return 0, ""
        delimiters = INLINE if following == "(" else DISPLAY
        return (
            (end, mathematics(pending[2 : end - 2], delimiters))
            if end > 4
            else (2, "\\\\" + following)
        )

    def _closing(
        self,
        pattern: re.Pattern[str],
        start: int,
        window: int,
        final: bool,
        needs_next: bool = False,
    ) -> int | None:
        """Return the end of the first match of `pattern` in the paragraph, from `start` on.

        0 if there is none, None if more text must arrive first. `needs_next`: the pattern looks at
        the character behind it.
        """
        pending = self._pending[: start + window]
        blank = _BLANK_LINE.search(pending)
        limit = blank.start() if blank else len(pending)
        complete = bool(blank) or final or len(self._pending) > len(pending)
        for match in pattern.finditer(pending, start):
            if match.end() > limit:
                break
            if needs_next and match.end() == len(pending) and not complete:
                return None
            return match.end()
        return 0 if complete else None


def mathematics(formula: str, delimiters: tuple[str, str]) -> str:
    """Return a formula between private delimiters, escaped.

    The Chatbot puts it into its HTML unchanged, perhaps into an attribute; KaTeX reads its text.
    """
    return delimiters[0] + escape(formula) + delimiters[1]


def code_html(code: str) -> str:
    """Return a code span as HTML.

    In Markdown, its parser would have to agree where the span ends, and a table cuts it at a bar.
    """
    code = code.replace("\n", " ")
    padded = len(code) > 2 and code[0] == code[-1] == " " and code.strip()
    return f"<code>{escape_punctuation(code[1:-1] if padded else code)}</code>"


def escape_markdown(text: str, prose: Callable[[str], str] = str) -> str:
    """Return a finished text escaped, equal to what streaming it adds up to."""
    escaper = MarkdownEscaper(prose)
    return escaper.feed(text) + escaper.close()
