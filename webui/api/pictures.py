"""The turns of a ChatRequest to Messages; pictures come as data URLs, and nothing is ever fetched."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Sequence
from typing import Protocol

from webui.api.chat_request import AssistantTurn, ImageContent, SystemTurn, Turn, UserTurn
from webui.errors import InvalidFieldError
from webui.protocol import ImagePart, Message, ModelInfo, Part

DATA_URL = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)
ACCEPTED_URL = "a data URL such as data:image/png;base64,...; addresses are not fetched"
LONGEST_SHOWN = 60


class ImageReader(Protocol):
    """The part of the media door that the API needs."""

    async def load_image_bytes(self, data: bytes, name: str, info: ModelInfo) -> ImagePart: ...


async def make_messages(turns: Sequence[Turn], reader: ImageReader, info: ModelInfo) -> tuple[Message, ...]:
    """Raises InvalidFieldError, and AttachmentError for a picture that cannot be read."""
    return tuple([await make_message(turn, f"messages[{index}]", reader, info) for index, turn in enumerate(turns)])


async def make_message(
    turn: SystemTurn | UserTurn | AssistantTurn, field: str, reader: ImageReader, info: ModelInfo
) -> Message:
    if isinstance(turn, SystemTurn):
        return Message("system", tuple(part.text for part in turn.content))
    if isinstance(turn, AssistantTurn):
        return Message("assistant", tuple(part.text for part in turn.content), turn.reasoning_content)
    parts: list[Part] = []
    for index, part in enumerate(turn.content):
        if isinstance(part, ImageContent):
            place = f"{field}.content[{index}].image_url.url"
            parts.append(await reader.load_image_bytes(image_bytes(part.image_url.url, place), place, info))
        else:
            parts.append(part.text)
    return Message("user", tuple(parts))


def image_bytes(url: str, field: str) -> bytes:
    head = DATA_URL.match(url)
    try:
        if head:
            return b64decode(url[head.end() :], validate=True)
    except binascii.Error:
        pass
    raise InvalidFieldError(field=field, value=url[:LONGEST_SHOWN], accepted=ACCEPTED_URL)
