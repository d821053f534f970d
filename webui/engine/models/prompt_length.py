"""PromptLengthCheck: whether a conversation is too long for the context, found out before its prompt is made.

Knows the processor and what it says of sizes and texts; makes no prompt. Never refuses what would fit: a
conversation that passes may still be a few per cent too long, which the exact check of the finished prompt finds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from typing import Any, Literal
from unicodedata import normalize

from webui.engine.prompt import AbandonedError, IsAborted
from webui.errors import ContextLengthError
from webui.protocol import ImagePart, Message, VideoPart

# Characters tokenised in one call. Aborted requests are dropped between slices.
SLICE = 4096
# Slices grow shorter towards the limit, but not so short that what a cut may cost is more than a part of this of them.
LEAST_CUTS = 16
# A slice ends before a single space in its last quarter if there is one: no tokenizer joins what stands on both sides.
BETWEEN_WORDS = re.compile(r"(?<=\S) (?=\S)")
# No byte makes more than one token, and no character is longer than this in UTF-8.
LONGEST_CHARACTER = 4
# What a template writes around a message, in tokens, with room to spare.
AROUND_A_MESSAGE = 32

Render = Callable[[Sequence[Message]], str]


class PromptLengthCheck:
    """Of conversations for a context of `limit` tokens, the answer not counted.

    `render` fills in the chat template. What people typed may look like control tokens in its text.
    """

    def __init__(self, processor: Any, render: Render, limit: int) -> None:
        tokenizer = processor.tokenizer
        self._pictures, self._videos = processor.image_processor, processor.video_processor
        self._tokenizer, self._render, self._limit = tokenizer, render, limit
        self._area = self._pictures.merge_size**2
        self._longest = max(map(len, tokenizer.get_vocab()))
        self._form = _form(tokenizer)
        controls = [token.content for token in tokenizer.added_tokens_decoder.values()]
        self._controls = re.compile(
            "|".join(map(re.escape, sorted(controls, key=len, reverse=True))) or "(?!)"
        )
        # How many tokens more a control token takes where it was typed, and is text.
        self._surplus = {control: _spelt(tokenizer, control) - 1 for control in controls}

    def check(self, messages: Sequence[Message], is_aborted: IsAborted) -> None:
        """Raises ContextLengthError, with a number of tokens that it needs at least, and AbandonedError."""
        media = [
            part for message in messages for part in message.parts if not isinstance(part, str)
        ]
        visual = sum(map(self._tokens, media))
        self._refuse(visual + len(messages))
        characters = sum(len(message.text) for message in messages)
        most = visual + LONGEST_CHARACTER * characters + AROUND_A_MESSAGE * len(messages)
        if most > self._limit and self._form is not None:
            # The template writes one token for each picture and clip, in whose place theirs come.
            self._check_text(messages, visual - len(media), is_aborted)

    def _check_text(self, messages: Sequence[Message], beside: int, is_aborted: IsAborted) -> None:
        """`beside` tokens come on top of those of the text."""
        text = self._rendered(messages)
        self._refuse(beside + ceil(len(text) / self._longest))
        least = beside - self._typed(self._rendered([_untyped(message) for message in messages]))
        start, density = 0, 1.0
        while start < len(text):
            if is_aborted():
                raise AbandonedError
            enough = self._limit - least + LEAST_CUTS * self._longest
            end, lost = self._cut(text, start, min(SLICE, ceil(enough / density)))
            part = text[start:end]
            tokens = len(self._tokenizer(part, add_special_tokens=False)["input_ids"])
            least += tokens + self._typed(part) - lost
            self._refuse(least)
            start, density = end, tokens / len(part)

    def _refuse(self, least: int) -> None:
        if least > self._limit:
            raise ContextLengthError(tokens=least, limit=self._limit)

    def _tokens(self, part: ImagePart | VideoPart) -> int:
        if isinstance(part, ImagePart):
            width, height = part.image.size
            return self._pictures.get_number_of_image_patches(height, width) // self._area
        width, height = part.frames[0].size
        return (
            self._videos.get_num_of_video_patches(2 * len(part.pairs), height, width) // self._area
        )

    def _rendered(self, messages: Sequence[Message]) -> str:
        text = self._render(messages)
        return normalize(self._form, text) if self._form else text

    def _typed(self, text: str) -> int:
        """How many tokens more its control tokens take if they were all typed."""
        return sum(self._surplus[control] for control in self._controls.findall(text))

    def _cut(self, text: str, start: int, size: int) -> tuple[int, int]:
        """Where a slice ends, and how many tokens fewer it and the next one may take together than apart."""
        end = start + size
        if end >= len(text):
            return len(text), 0
        spaces = [found.start() for found in BETWEEN_WORDS.finditer(text, end - size // 4, end)]
        return (spaces[-1], 1) if spaces else (end, self._longest)


def _untyped(message: Message) -> Message:
    """Without its words."""
    return replace(
        message, parts=tuple("" if isinstance(part, str) else part for part in message.parts)
    )


def _spelt(tokenizer: Any, control: str) -> int:
    """How many tokens it is as plain text; 1 if that cannot be told."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return 1
    pieces = (
        backend.pre_tokenizer.pre_tokenize_str(control)
        if backend.pre_tokenizer
        else [(control, None)]
    )
    return sum(len(backend.model.tokenize(piece)) for piece, _ in pieces)


def _form(tokenizer: Any) -> Literal["", "NFC"] | None:
    """The Unicode form in which a text is tokenised, "" for as it is. None if a text's length says little of its
    tokens: some tokenizers change it in other ways, or swallow the spaces beside a control token."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or any(
        token.lstrip or token.rstrip for token in tokenizer.added_tokens_decoder.values()
    ):
        return None
    if backend.normalizer is None:
        return ""
    return "NFC" if type(backend.normalizer).__name__ == "NFC" else None
