"""Token ids to text as they come, in time linear in the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable

UNFINISHED = "\ufffd"
CONTEXT = 4
LONGEST_CHARACTER = 8


class Detokenizer:
    """Holds back the bytes of a character that is not complete yet, for at most LONGEST_CHARACTER tokens.

    Decodes a short window only. The window keeps a few old tokens before the new ones, because some tokenizers write
    a token differently at the start of a text.
    """

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self._context: list[int] = []
        self._context_text = ""
        self._pending: list[int] = []
        self._shown = 0

    def feed(self, ids: Iterable[int]) -> str:
        """The text that these tokens complete."""
        self._pending.extend(ids)
        text = self._text()
        whole = text.rstrip(UNFINISHED)
        if whole == text or len(self._pending) > LONGEST_CHARACTER + CONTEXT:
            return self._advance(text)
        new = whole[self._shown :]
        self._shown += len(new)
        return new

    def close(self) -> str:
        """What is left, broken characters included."""
        return self._advance(self._text())

    def _text(self) -> str:
        return self._decode(self._context + self._pending)[len(self._context_text) :]

    def _advance(self, text: str) -> str:
        new = text[self._shown :]
        self._context, self._pending, self._shown = (
            (self._context + self._pending)[-CONTEXT:],
            [],
            0,
        )
        self._context_text = self._decode(self._context)
        return new
