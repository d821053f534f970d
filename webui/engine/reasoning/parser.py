"""Split a model's text, in chunks of any size, into reasoning and content.

Knows the tags of the model's family; knows neither tokens nor models. Every text has a meaning,
which does not depend on where the text was cut:

- <think> begins the reasoning; </think> or <answer> ends it. Everything outside is content, so that
  a missing or unclosed <answer> loses nothing. Reasoning that is never closed lasts to the end.
- <think> inside <answer> begins nothing: the answer stays in one piece.
- After </think> without <think>, the text before it stays content, because it has been shown
  already, unless `starts_thinking` says that the prompt itself began the reasoning.
- Tags are never shown. The one exception is code in the content, a `span` or a fence, in which
  tags are text. An unclosed backtick makes no code, and tags at the very end of the text count as
  tags even if a fence was left open. In reasoning, tags always count, as they do for the engine
  that counts reasoning tokens.
- Empty lines at the start and white space at the end of reasoning and content are dropped. Where
  one of them resumes after the other, an empty line separates the pieces.
"""

from __future__ import annotations

import re

from webui.engine.reasoning.code_spans import CodeTracker, SpanLookahead
from webui.engine.reasoning.tags import ReasoningTags
from webui.protocol import Delta

WHITE_SPACE = " \t\r\n"
# Markdown reads lines indented this far as code (CommonMark 0.31, section 4.4).
CODE_INDENT = 4


class ReasoningParser:
    """Feed the text as it arrives, then close; both return the delta that has become certain."""

    def __init__(self, tags: ReasoningTags, *, starts_thinking: bool = False) -> None:
        self._tags, self._all_tags = tags, tags.all
        self._tag_pattern = re.compile("|".join(map(re.escape, tags.all)))
        self._max_tag_length = max(map(len, tags.all))
        self._thinking = starts_thinking
        self._in_answer = False
        self._buffer = ""
        self._reasoning = TrimmedText()
        self._content = TrimmedText()
        self._code = CodeTracker()
        self._lookahead: SpanLookahead | None = None

    def feed(self, text: str) -> Delta:
        self._buffer += text
        return self._parse(is_final=False)

    def close(self) -> Delta:
        """Return what was held back in case it would become a tag."""
        return self._parse(is_final=True)

    def _parse(self, *, is_final: bool) -> Delta:
        start = 0
        while tag := self._tag_pattern.search(self._buffer, start):
            self._append(self._buffer[start : tag.start()])
            end = self._handle_tag(tag, is_final=is_final)
            if end is None:
                self._buffer = self._buffer[tag.start() :]
                return self._take_delta()
            start = end
        end = len(self._buffer)
        if not is_final:
            end -= self._partial_tag_length(self._buffer[start:])
        self._append(self._buffer[start:end])
        self._buffer = self._buffer[end:]
        return self._take_delta()

    def _take_delta(self) -> Delta:
        return Delta(self._reasoning.take_ready(), self._content.take_ready())

    def _append(self, text: str) -> None:
        if self._thinking:
            self._reasoning.append(text)
        else:
            self._code.feed(text)
            self._content.append(text)

    def _handle_tag(self, tag: re.Match[str], *, is_final: bool) -> int | None:
        """Return where parsing continues, or None if it is not certain yet that the tag is no code.

        A tag after an opening backtick is code only if the span is closed later on.
        """
        if self._thinking:
            return self._apply_tag(tag)
        self._code.end_run()
        if self._code.in_fence:
            self._code.feed(tag[0])
            self._content.hold_back(tag[0])
            return tag.end()
        if not self._code.span:
            return self._apply_tag(tag)
        self._lookahead = self._lookahead or SpanLookahead(self._code)
        verdict = self._lookahead.scan(tag.string[tag.start() :], is_final=is_final)
        if verdict == "unknown":
            return None
        lookahead, self._lookahead = self._lookahead, None
        if verdict == "text":
            self._code.span = 0
            return self._apply_tag(tag)
        end = tag.start() + lookahead.position
        self._append(tag.string[tag.start() : end])
        return end

    def _apply_tag(self, tag: re.Match[str]) -> int:
        name, tags = tag[0], self._tags
        if self._code.fence:
            self._code.end_block()
        if self._thinking and name in (tags.end_think, tags.answer):
            self._switch_from(self._reasoning)
        elif name == tags.think and not self._thinking and not self._in_answer:
            self._switch_from(self._content)
        if name in (tags.answer, tags.end_answer):
            self._in_answer = name == tags.answer
        return tag.end()

    def _switch_from(self, text: TrimmedText) -> None:
        text.end_piece()
        self._code.end_block()
        self._thinking = not self._thinking

    def _partial_tag_length(self, text: str) -> int:
        """Return how many characters at the end of `text` may be the beginning of a tag."""
        start = text.rfind("<", max(len(text) - self._max_tag_length + 1, 0))
        if start < 0 or not any(tag.startswith(text[start:]) for tag in self._all_tags):
            return 0
        return len(text) - start


class TrimmedText:
    """Reasoning or content. White space is held back until other text follows it."""

    def __init__(self) -> None:
        self._ready: list[str] = []
        self._held_back = ""
        # What is written before the next piece; None in the middle of a piece.
        self._separator: str | None = ""

    def append(self, text: str) -> None:
        core = text.strip(WHITE_SPACE)
        if not core:
            self._held_back += text
            return
        body = text.rstrip(WHITE_SPACE)
        space = self._held_back + body[: len(body) - len(core)]
        if self._separator is not None:
            space = self._separator + code_indent(space)
        self._ready += [space, core]
        self._held_back, self._separator = text[len(body) :], None

    def hold_back(self, text: str) -> None:
        """Append text that is dropped, like white space, if nothing follows it."""
        self._held_back += text

    def end_piece(self) -> None:
        """Separate what is appended later from what is here by an empty line."""
        if self._separator is None:
            self._separator = "\n\n"
        self._held_back = ""

    def take_ready(self) -> str:
        ready, self._ready = "".join(self._ready), []
        return ready


def code_indent(space: str) -> str:
    """Return the indent of the first line of a piece if Markdown reads it as code, else nothing."""
    indent = space[space.rfind("\n") + 1 :]
    return indent if len(indent.expandtabs(CODE_INDENT)) >= CODE_INDENT else ""
