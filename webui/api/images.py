"""Images of a request: refused by their headers if they cannot fit the context, then decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from webui.api.data_urls import image_bytes, natural_size
from webui.api.json_body import BodyReader
from webui.errors import ContextLengthError
from webui.protocol import ImagePart, ModelInfo


class ImageReader(Protocol):
    """The part of MediaReader that the API uses."""

    async def load_image_bytes(
        self, data: bytes, name: str, info: ModelInfo, *, owner: str = ""
    ) -> ImagePart: ...


class ImageLoader:
    """Decodes the images of one request and counts their tokens.

    `owner` is the user or address on whose behalf the images are read.
    """

    def __init__(
        self, reader: ImageReader, bodies: BodyReader, info: ModelInfo, owner: str
    ) -> None:
        self._reader, self._bodies, self._info, self._owner = reader, bodies, info, owner
        self._tokens = 0

    async def check_urls(self, urls: Sequence[str]) -> None:
        """Raise ContextLengthError if the images exceed the context by their headers' sizes."""
        size = sum(len(url) for url in urls)
        self._check_tokens(await self._bodies.process(size, lambda: self._min_tokens(urls)))

    async def load(self, url: str, field: str) -> ImagePart:
        """Decode the image of a data URL; `field` names it in errors.

        Raises InvalidFieldError, AttachmentError, and ContextLengthError if the images so far
        exceed the context: a header may understate the size.
        """
        data = await self._bodies.process(len(url), lambda: image_bytes(url, field))
        part = await self._reader.load_image_bytes(data, field, self._info, owner=self._owner)
        self._tokens += self._info.image.tokens(*part.image.size)
        self._check_tokens(self._tokens)
        return part

    def _min_tokens(self, urls: Sequence[str]) -> int:
        """Return a lower bound of the images' tokens; stops counting beyond the context."""
        tokens = len(urls) * smallest_image_tokens(self._info)
        if tokens > self._info.context_length:
            return tokens
        tokens = 0
        for url in urls:
            tokens += header_tokens(url, self._info)
            if tokens > self._info.context_length:
                break
        return tokens

    def _check_tokens(self, tokens: int) -> None:
        if tokens > self._info.context_length:
            raise ContextLengthError(tokens=tokens, limit=self._info.context_length)


def smallest_image_tokens(info: ModelInfo) -> int:
    return -(-info.image.min_pixels // info.image.unit**2)


def header_tokens(url: str, info: ModelInfo) -> int:
    """Return the visual tokens of an image by the size in its header."""
    size = natural_size(url)
    if size is None:
        return smallest_image_tokens(info)
    fitted = info.image.split(1, info.media_tokens).fit(*size)
    return info.image.tokens(*fitted)
