"""The turns of a ChatRequest to Messages. What cannot fit into the context is refused before a picture is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from webui.api.bodies import Bodies
from webui.api.data_urls import image_bytes, natural_size
from webui.api.openai_request import AssistantTurn, ImageContent, SystemTurn, Turn, UserTurn
from webui.errors import ContextLengthError
from webui.protocol import ImagePart, Message, ModelInfo, Part


class ImageReader(Protocol):
    """The part of the media door that the API needs."""

    async def load_image_bytes(
        self, data: bytes, name: str, info: ModelInfo, *, owner: str = ""
    ) -> ImagePart: ...


class MessageMaker:
    """Makes the messages of one request; `owner` is whose turn its pictures count as."""

    def __init__(self, reader: ImageReader, bodies: Bodies, info: ModelInfo, owner: str) -> None:
        self._reader, self._bodies, self._info, self._owner = reader, bodies, info, owner
        self._tokens = 0

    async def make(self, turns: Sequence[Turn]) -> tuple[Message, ...]:
        """Raises ContextLengthError, InvalidFieldError, and AttachmentError for a picture that cannot be read."""
        urls = picture_urls(turns)
        self._check(await self._bodies.work(sum(map(len, urls)), lambda: self._least(urls)))
        return tuple(
            [await self._message(turn, f"messages[{index}]") for index, turn in enumerate(turns)]
        )

    async def _message(self, turn: SystemTurn | UserTurn | AssistantTurn, field: str) -> Message:
        if isinstance(turn, SystemTurn):
            return Message("system", tuple(part.text for part in turn.content))
        if isinstance(turn, AssistantTurn):
            return Message(
                "assistant", tuple(part.text for part in turn.content), turn.reasoning_content
            )
        parts: list[Part] = []
        for index, part in enumerate(turn.content):
            if isinstance(part, ImageContent):
                parts.append(
                    await self._picture(
                        part.image_url.url, f"{field}.content[{index}].image_url.url"
                    )
                )
            else:
                parts.append(part.text)
        return Message("user", tuple(parts))

    async def _picture(self, url: str, field: str) -> ImagePart:
        """A header may tell less than the truth: what the picture really takes is counted too."""
        data = await self._bodies.work(len(url), lambda: image_bytes(url, field))
        part = await self._reader.load_image_bytes(data, field, self._info, owner=self._owner)
        self._tokens += self._info.image.tokens(*part.image.size)
        self._check(self._tokens)
        return part

    def _least(self, urls: Sequence[str]) -> int:
        """Visual tokens that these pictures take at the least, or of so many as are already too many."""
        tokens = len(urls) * fewest_tokens(self._info)
        if tokens > self._info.context_length:
            return tokens
        tokens = 0
        for url in urls:
            tokens += least_tokens(url, self._info)
            if tokens > self._info.context_length:
                break
        return tokens

    def _check(self, tokens: int) -> None:
        if tokens > self._info.context_length:
            raise ContextLengthError(tokens=tokens, limit=self._info.context_length)


def picture_urls(turns: Sequence[Turn]) -> list[str]:
    content = [part for turn in turns for part in turn.content]
    return [part.image_url.url for part in content if isinstance(part, ImageContent)]


def fewest_tokens(info: ModelInfo) -> int:
    """Visual tokens of the smallest picture."""
    return -(-info.image.min_pixels // info.image.unit**2)


def least_tokens(url: str, info: ModelInfo) -> int:
    """Visual tokens of the picture by the size in its header."""
    size, budget = natural_size(url), info.image
    return (
        budget.tokens(*budget.split(1, info.media_tokens).fit(*size))
        if size
        else fewest_tokens(info)
    )
