"""ReasoningParser: a model's text, in chunks of any size, to reasoning and content. Knows no tokens and no model.

Total: every text has a meaning, and it does not depend on where the text was cut.

- <think> opens the thought; </think> or <answer> ends it. What is in no thought is content, so that a missing or
  unclosed <answer> costs nothing. A thought that is never closed is reasoning to its end.
- Inside <answer> a <think> opens nothing: the answer stays whole.
- </think> without <think>: what came before it has been shown already and stays content, unless `starts_thinking`
  says that the prompt itself opened the thought.
- Tags, box markers and end tokens are never shown. The one place where they are text is code in the content: a span
  `like this` or a fence. An unclosed backtick makes no code, and tags at the very end are structure even if a fence
  was left open. In a thought they are structure everywhere, as they are for whoever counts its tokens.
- Empty lines at the start and white space at the end of either text are dropped. Where one of them goes on after the
  other, an empty line parts the pieces.
"""

from __future__ import annotations

import re
from typing import Literal

from webui.engine.reasoning.code_spans import CodeTracker, SpanProbe
from webui.protocol import Delta

TAGS = (
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "<|begin_of_box|>",
    "<|end_of_box|>",
    "<|endoftext|>",
    "<|user|>",
    "<|observation|>",
    "<|assistant|>",
)
TAG = re.compile("|".join(map(re.escape, TAGS)))
LONGEST_TAG = max(map(len, TAGS))
WHITE_SPACE = " \t\r\n"
CODE_INDENT = 4


class ReasoningParser:
    """Feed it text as it comes, then close it; both return what has become certain since."""

    def __init__(self, *, starts_thinking: bool = False) -> None:
        self._thinking = starts_thinking
        self._in_answer = False
        self._buffer = ""
        self._reasoning = Output()
        self._content = Output()
        self._code = CodeTracker()
        self._probe: SpanProbe | None = None

    @property
    def state(self) -> Literal["thinking", "answering"]:
        return "thinking" if self._thinking else "answering"

    def feed(self, text: str) -> Delta:
        self._buffer += text
        return self._parse(whole=False)

    def close(self) -> Delta:
        """The text is over: what was held back is text after all."""
        return self._parse(whole=True)

    def _parse(self, *, whole: bool) -> Delta:
        start = 0
        while tag := TAG.search(self._buffer, start):
            self._write(self._buffer[start : tag.start()])
            end = self._take_tag(tag, whole=whole)
            if end is None:
                self._buffer = self._buffer[tag.start() :]
                return self._delta()
            start = end
        end = len(self._buffer) - (0 if whole else partial_tag(self._buffer[start:]))
        self._write(self._buffer[start:end])
        self._buffer = self._buffer[end:]
        return self._delta()

    def _delta(self) -> Delta:
        return Delta(self._reasoning.take(), self._content.take())

    def _write(self, text: str) -> None:
        if self._thinking:
            self._reasoning.write(text)
        else:
            self._code.write(text)
            self._content.write(text)

    def _take_tag(self, tag: re.Match[str], *, whole: bool) -> int | None:
        """Where to read on behind the tag; None if what is here does not tell yet whether it is in code."""
        if self._thinking:
            return self._obey(tag)
        self._code.end_run()
        if self._code.in_fence:
            self._code.write(tag[0])
            self._content.hold(tag[0])
            return tag.end()
        if not self._code.span:
            return self._obey(tag)
        self._probe = self._probe or SpanProbe(self._code)
        verdict = self._probe.read(tag.string[tag.start() :], whole=whole)
        if verdict == "unknown":
            return None
        probe, self._probe = self._probe, None
        if verdict == "text":
            self._code.span = 0
            return self._obey(tag)
        end = tag.start() + probe.position
        self._write(tag.string[tag.start() : end])
        return end

    def _obey(self, tag: re.Match[str]) -> int:
        name = tag[0]
        if self._code.fence:
            self._code.end_block()
        if self._thinking and name in ("</think>", "<answer>"):
            self._switch(self._reasoning)
        elif name == "<think>" and not self._thinking and not self._in_answer:
            self._switch(self._content)
        if name in ("<answer>", "</answer>"):
            self._in_answer = name == "<answer>"
        return tag.end()

    def _switch(self, left: Output) -> None:
        left.pause()
        self._code.end_block()
        self._thinking = not self._thinking


class Output:
    """One of the two texts. Holds back white space until something follows it."""

    def __init__(self) -> None:
        self._ready: list[str] = []
        self._held = ""
        self._joint: str | None = ""

    def write(self, text: str) -> None:
        core = text.strip(WHITE_SPACE)
        if not core:
            self._held += text
            return
        body = text.rstrip(WHITE_SPACE)
        before = self._held + body[: len(body) - len(core)]
        self._ready += [
            before if self._joint is None else self._joint + opening_indent(before),
            core,
        ]
        self._held, self._joint = text[len(body) :], None

    def hold(self, text: str) -> None:
        """Text that is dropped, as white space is, if nothing follows it."""
        self._held += text

    def pause(self) -> None:
        """The other text goes on for a while."""
        if self._joint is None:
            self._joint = "\n\n"
        self._held = ""

    def take(self) -> str:
        ready, self._ready = "".join(self._ready), []
        return ready


def opening_indent(space: str) -> str:
    """What to keep of the white space before the first word: only an indent that Markdown reads as code."""
    indent = space[space.rfind("\n") + 1 :]
    return indent if len(indent.expandtabs(CODE_INDENT)) >= CODE_INDENT else ""


def partial_tag(text: str) -> int:
    """How many characters at the end of `text` may be the beginning of a tag."""
    start = text.rfind("<", max(len(text) - LONGEST_TAG + 1, 0))
    return (
        len(text) - start if start >= 0 and any(tag.startswith(text[start:]) for tag in TAGS) else 0
    )
