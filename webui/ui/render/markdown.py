"""Model text -> the Markdown that the Chatbot is sent, so that every character is shown as it was written.

The Chatbot would swallow `<div>`, read "$5 to $10" as mathematics, pair dollars across code and fetch pictures from
anywhere. So what is sent holds no HTML but our own: `<` and `&` become entities, code spans are written as HTML,
pictures become links, and mathematics is found here and wrapped in private delimiters, the only ones the Chatbot knows.
The output only grows: what cannot be decided yet (an open `$`, a half fence) is held back for a moment.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

from webui.ui.render.listings import LIST_ITEM, Listing, Step, fenced, indented, may_be_fenced
from webui.ui.render.literal import literal
from webui.ui.render.picture_links import PLAIN_MARK, picture_link

INLINE = ("\ue000", "\ue001")
DISPLAY = ("\ue002", "\ue003")
LATEX_DELIMITERS: list[dict[str, str | bool]] = [
    {"left": DISPLAY[0], "right": DISPLAY[1], "display": True},
    {"left": INLINE[0], "right": INLINE[1], "display": False},
]

_PRIVATE = re.compile("[\ue000-\ue003]")
# "!", "]" and "~" matter by what follows: a picture, the end of a link's name in a definition, a fence.
_SPECIAL = re.compile(r"[<&`$\\\n]|!(?=[\[!]|\Z)|\](?=:|\Z)|~(?=~|\Z)")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
# An inline formula: no space inside the dollars, on one line, no digit after it (Pandoc's rule, which spares prices).
_INLINE_MATH = re.compile(r"\$(?=[^\s$])((?:[^$\\\n]|\\.)*?[^\s\\])\$(?!\d)")
_ESCAPES = {"<": "&lt;", "&": "&amp;", "!": PLAIN_MARK, "]": "&#93;", "`": "&#96;", "~": "&#126;"}
_CODE_WINDOW = 2000
_DISPLAY_WINDOW = 4000
_INLINE_WINDOW = 400


class MarkdownEscaper:
    """Feed text as it arrives; each call returns what may be appended to the text on the wire."""

    def __init__(self, prose: Callable[[str], str] = str) -> None:
        """`prose` may change what is neither code nor mathematics, a stretch of a line at a time."""
        self._prose = prose
        self._held = ""
        self._after_return = (
            False  # the last text ended with "\r", of which a line end may be the second half
        )
        self._line = ""  # the current line so far, to know what it was when it ends
        self._listing: Listing | None = None  # the code block we are in
        self._first = False  # nothing of that block has been shown yet
        self._after_blank = True
        self._in_list = False

    def feed(self, text: str) -> str:
        self._held += _PRIVATE.sub("\ufffd", self._with_plain_line_ends(text))
        return self._drain(final=False)

    def close(self) -> str:
        """The rest, when nothing more comes."""
        rest = self._drain(final=True)
        if self._listing is not None and not self._listing.markdown:
            rest += self._listing.close
        self._listing = None
        return rest

    def _with_plain_line_ends(self, text: str) -> str:
        """Markdown ends a line at "\\r" too."""
        rest = text.removeprefix("\n") if self._after_return else text
        self._after_return = text.endswith("\r") or (self._after_return and not text)
        return rest.replace("\r\n", "\n").replace("\r", "\n")

    def _drain(self, final: bool) -> str:
        out: list[str] = []
        while self._held:
            used, shown = self._next(final)
            if not used and not shown:
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
        if self._listing is not None:
            self._after_blank = False
            return
        blank = not line.strip()
        if LIST_ITEM.match(line):
            self._in_list = True
        elif not blank and self._after_blank and not line[0].isspace():
            self._in_list = False
        self._after_blank = blank

    def _next(self, final: bool) -> tuple[int, str]:
        """(characters taken, what is shown for them); nothing of either means: wait for more."""
        held = self._held
        if self._listing is not None:
            return self._in_listing(self._listing, final)
        if not self._line and (taken := self._line_start(final)) is not None:
            return taken
        special = _SPECIAL.search(held)
        end = len(held) if special is None else special.start()
        if end:
            return end, self._prose(held[:end])
        return self._special(held[0], final)

    def _line_start(self, final: bool) -> tuple[int, str] | None:
        """Code blocks are known by how a line begins; None for any other line."""
        opened = fenced(self._held, final)
        if opened is None:
            if not final and may_be_fenced(self._held):
                return 0, ""
            opened = indented(self._held) if self._after_blank and not self._in_list else None
            if opened is None:
                return None
        self._listing, step = opened
        self._first = True
        self._in_list |= bool(LIST_ITEM.match(self._held))
        # After a blank line there is nothing that could go on and take the fence for its own text.
        gap = "\n" if self._listing.markdown and not self._after_blank else ""
        return step.used, gap + step.shown

    def _in_listing(self, listing: Listing, final: bool) -> tuple[int, str]:
        if self._line:
            step = listing.go_on(self._held)
        else:
            step = listing.begin_line(self._held, self._first, final)
            self._first &= step == Step()
        if step.ends:
            self._listing = None
        return step.used, step.shown

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
        following = self._held[1:2]
        if not following:
            return (1, char) if final else (0, "")
        if char == "!" and following == "[":
            return picture_link(self._held, final) or (0, "")
        return (1, PLAIN_MARK) if char == "!" else (2, "]&#58;")

    def _tildes(self, final: bool) -> tuple[int, str]:
        """Two strike out; three would open a block that is none to us."""
        run = self._held[:3]
        if run == "~~~":
            return 1, _ESCAPES["~"]
        struck = len(run) - len(run.lstrip("~"))
        return (struck, run[:struck]) if final or struck < len(run) else (0, "")

    def _code_span(self, final: bool) -> tuple[int, str]:
        held = self._held
        run = len(held) - len(held.lstrip("`"))
        if run == len(held) and not final:
            return 0, ""
        closing = re.compile(rf"(?<!`)`{{{run}}}(?!`)")
        end = self._closing(closing, run, _CODE_WINDOW, final, needs_next=True)
        if end is None:
            return 0, ""
        return (end, code_html(held[run : end - run])) if end else (run, _ESCAPES["`"] * run)

    def _dollar(self, final: bool) -> tuple[int, str]:
        held = self._held
        if len(held) < 2 and not final:
            return 0, ""
        if held.startswith("$$"):
            end = self._closing(re.compile(r"\$\$"), 2, _DISPLAY_WINDOW, final)
            if end is None:
                return 0, ""
            return (end, mathematics(held[2 : end - 2], DISPLAY)) if end and end > 4 else (2, "$$")
        window = held[:_INLINE_WINDOW]
        found = _INLINE_MATH.match(window)
        if found and (found.end() < len(held) or final):
            return found.end(), mathematics(found[1], INLINE)
        undecided = len(held) <= _INLINE_WINDOW and "\n" not in held and not final
        return (0, "") if undecided and (found or not held[1].isspace()) else (1, "$")

    def _backslash(self, final: bool) -> tuple[int, str]:
        held = self._held
        if len(held) < 2:
            return (1, "\\") if final else (0, "")
        following = held[1]
        if following not in "([":
            return (1, "\\") if following == "\n" else (2, _ESCAPES.get(following, held[:2]))
        close, window = (
            (r"\\\)", _INLINE_WINDOW) if following == "(" else (r"\\\]", _DISPLAY_WINDOW)
        )
        end = self._closing(re.compile(close), 2, window, final)
        if end is None:
            return 0, ""
        delimiters = INLINE if following == "(" else DISPLAY
        return (
            (end, mathematics(held[2 : end - 2], delimiters))
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


def mathematics(formula: str, delimiters: tuple[str, str]) -> str:
    """The Chatbot puts a formula into its HTML as it came, wherever in it, and KaTeX reads the text of that."""
    return delimiters[0] + escape(formula) + delimiters[1]


def code_html(code: str) -> str:
    """A code span. Markdown would have to agree where it begins and ends, and a table cuts it at a bar."""
    code = code.replace("\n", " ")
    padded = len(code) > 2 and code[0] == code[-1] == " " and code.strip()
    return f"<code>{literal(code[1:-1] if padded else code)}</code>"


def escape_markdown(text: str, prose: Callable[[str], str] = str) -> str:
    """The whole of a finished text, as the wire ends up with it; `prose` as in MarkdownEscaper."""
    wire = MarkdownEscaper(prose)
    return wire.feed(text) + wire.close()
