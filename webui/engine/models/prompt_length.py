"""Refuse a conversation that is too long for the context before its prompt is built.

Building a prompt of a hundred pages or of megabytes of text takes seconds, and most of those that
are refused are far too long. This check bounds the number of tokens from below with little work:
by the sizes of images, by the number of characters, and then by tokenizing slice by slice until
the limit is passed. It never refuses what would fit. A conversation that passes may still be a few
per cent too long, which the exact check of the finished prompt finds.

Knows the processor, and builds no prompt.
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

# Characters tokenized in one call. Aborted requests are noticed between slices.
SLICE = 4096
# Slices grow shorter towards the limit, but not so short that the possible error of a cut is more
# than one part in this many of a slice.
MIN_CUTS = 16
# A slice ends before a single space in its last quarter if there is one: no tokenizer joins the
# two sides of it into one token.
BETWEEN_WORDS = re.compile(r"(?<=\S) (?=\S)")
# No byte makes more than one token, and no character is longer than this in UTF-8.
MAX_CHARACTER_BYTES = 4
# An upper bound of the tokens that a chat template writes around a message.
MAX_TEMPLATE_TOKENS = 32

Render = Callable[[Sequence[Message]], str]


class PromptLengthCheck:
    """The check for prompts of at most `limit` tokens.

    `render` fills in the chat template without escaping: what users typed may look like control
    tokens in its text.
    """

    def __init__(self, processor: Any, render: Render, limit: int) -> None:
        tokenizer = processor.tokenizer
        self._images, self._videos = processor.image_processor, processor.video_processor
        self._tokenizer, self._render, self._limit = tokenizer, render, limit
        self._patches_per_token = self._images.merge_size**2
        self._max_token_length = max(map(len, tokenizer.get_vocab()))
        self._unicode_form = _unicode_form(tokenizer)
        controls = [token.content for token in tokenizer.added_tokens_decoder.values()]
        longest_first = sorted(controls, key=len, reverse=True)
        self._controls = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        # How many tokens more a control token takes where a user typed it, as plain text.
        self._typed_surplus = {
            control: _spelled_tokens(tokenizer, control) - 1 for control in controls
        }

    def check(self, messages: Sequence[Message], is_aborted: IsAborted) -> None:
        """Raise ContextLengthError with a lower bound of the tokens, or AbandonedError."""
        vision_parts = []
        for message in messages:
            vision_parts += [part for part in message.parts if not isinstance(part, str)]
        vision_tokens = sum(map(self._vision_tokens, vision_parts))
        self._refuse_above_limit(vision_tokens + len(messages))
        characters = sum(len(message.text) for message in messages)
        max_text_tokens = MAX_CHARACTER_BYTES * characters + MAX_TEMPLATE_TOKENS * len(messages)
        if vision_tokens + max_text_tokens > self._limit and self._unicode_form is not None:
            # The template writes one token for each image and video, which theirs replace.
            self._check_text(messages, vision_tokens - len(vision_parts), is_aborted)

    def _check_text(
        self, messages: Sequence[Message], other_tokens: int, is_aborted: IsAborted
    ) -> None:
        """Bound the tokens of the rendered text, to which `other_tokens` are added."""
        text = self._rendered(messages)
        self._refuse_above_limit(other_tokens + ceil(len(text) / self._max_token_length))
        # Control tokens of the template count once, typed ones are spelled out. The surplus is
        # added for all of them in the loop, so that of the template's own is subtracted here.
        template = self._rendered([_without_text(message) for message in messages])
        min_tokens = other_tokens - self._surplus(template)
        start, tokens_per_character = 0, 1.0
        while start < len(text):
            if is_aborted():
                raise AbandonedError
            left = self._limit - min_tokens + MIN_CUTS * self._max_token_length
            size = min(SLICE, ceil(left / tokens_per_character))
            end, max_joined = self._slice_end(text, start, size)
            part = text[start:end]
            tokens = len(self._tokenizer(part, add_special_tokens=False)["input_ids"])
            min_tokens += tokens + self._surplus(part) - max_joined
            self._refuse_above_limit(min_tokens)
            start, tokens_per_character = end, tokens / len(part)

    def _refuse_above_limit(self, min_tokens: int) -> None:
        if min_tokens > self._limit:
            raise ContextLengthError(tokens=min_tokens, limit=self._limit)

    def _vision_tokens(self, part: ImagePart | VideoPart) -> int:
        if isinstance(part, ImagePart):
            width, height = part.image.size
            patches = self._images.get_number_of_image_patches(height, width)
        else:
            width, height = part.frames[0].size
            frames = 2 * len(part.pairs)
            patches = self._videos.get_num_of_video_patches(frames, height, width)
        return patches // self._patches_per_token

    def _rendered(self, messages: Sequence[Message]) -> str:
        text = self._render(messages)
        return normalize(self._unicode_form, text) if self._unicode_form else text

    def _surplus(self, text: str) -> int:
        """Return how many tokens more the control tokens of `text` take if all were typed."""
        return sum(self._typed_surplus[control] for control in self._controls.findall(text))

    def _slice_end(self, text: str, start: int, size: int) -> tuple[int, int]:
        """Return the end of a slice, and the most tokens that the cut there can add.

        Text that is cut in the middle of a token takes more tokens than in one piece.
        """
        end = start + size
        if end >= len(text):
            return len(text), 0
        spaces = [match.start() for match in BETWEEN_WORDS.finditer(text, end - size // 4, end)]
        return (spaces[-1], 1) if spaces else (end, self._max_token_length)


def _without_text(message: Message) -> Message:
    parts = tuple("" if isinstance(part, str) else part for part in message.parts)
    return replace(message, parts=parts)


def _spelled_tokens(tokenizer: Any, control: str) -> int:
    """Return how many tokens a control token takes as plain text; 1 if that is unknown."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return 1
    if backend.pre_tokenizer is None:
        return len(backend.model.tokenize(control))
    pieces = backend.pre_tokenizer.pre_tokenize_str(control)
    return sum(len(backend.model.tokenize(piece)) for piece, _ in pieces)


def _unicode_form(tokenizer: Any) -> Literal["", "NFC"] | None:
    """Return the Unicode form in which a text is tokenized, "" for unchanged.

    Return None for tokenizers that change a text in other ways, or swallow the spaces beside a
    control token: the length of a text says little about its tokens then.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    if any(token.lstrip or token.rstrip for token in tokenizer.added_tokens_decoder.values()):
        return None
    if backend.normalizer is None:
        return ""
    return "NFC" if type(backend.normalizer).__name__ == "NFC" else None
