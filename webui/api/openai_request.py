"""The body of /v1/chat/completions: JSON to ChatRequest, and its messages to ours.

null counts as absent. A field that is not implemented is accepted only with the value that asks
for nothing, such as n=1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, FailFast, Field

from webui.api.images import ImageLoader
from webui.api.json_body import parse_json, without_nulls
from webui.api.validation import Schema, validate
from webui.errors import InvalidFieldError
from webui.protocol import (
    SAMPLING_RANGES,
    THINKING_BUDGETS,
    Message,
    ModelInfo,
    Part,
    SamplingParams,
    ThinkingLevel,
)

RANGES = SAMPLING_RANGES | {"max_completion_tokens": SAMPLING_RANGES["max_tokens"]}
# The values of `type` and `role`.
TAGS = frozenset({"text", "image_url", "system", "developer", "user", "assistant"})
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high"]
THINKING_LEVEL_OF: dict[ReasoningEffort, ThinkingLevel] = {
    "none": "off",
    "minimal": "short",
    "low": "short",
    "medium": "normal",
    "high": "long",
}


def as_parts(content: Any) -> Any:
    """Return a plain string as a list of one text part."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def within_range(field: str) -> Any:
    """Return the bounds of a sampling parameter for pydantic."""
    return Field(ge=RANGES[field].minimum, le=RANGES[field].maximum)


class ImageURL(Schema):
    url: str
    detail: Literal["auto", "high"] = "auto"


class TextContent(Schema):
    type: Literal["text"]
    text: str


class ImageContent(Schema):
    type: Literal["image_url"]
    image_url: ImageURL


Content = Annotated[TextContent | ImageContent, Field(discriminator="type")]
# Only the first error is reported, so validation of a list, which may be long, stops there.
Texts = Annotated[list[TextContent], FailFast(), BeforeValidator(as_parts)]


class SystemMessage(Schema):
    role: Literal["system", "developer"]
    content: Texts


class UserMessage(Schema):
    role: Literal["user"]
    content: Annotated[list[Content], FailFast(), BeforeValidator(as_parts), Field(min_length=1)]


class AssistantMessage(Schema):
    """An earlier answer. `reasoning_content` is accepted but does not enter the prompt."""

    role: Literal["assistant"]
    content: Texts = Field(default_factory=list)
    reasoning_content: str = ""


ChatMessage = Annotated[SystemMessage | UserMessage | AssistantMessage, Field(discriminator="role")]


class StreamOptions(Schema):
    include_usage: bool = False


class TemplateOptions(Schema):
    """`chat_template_kwargs`, as in vLLM and SGLang."""

    enable_thinking: bool = True


class ChatRequest(Schema):
    """`thinking_token_budget` is exact; `reasoning_effort` and `enable_thinking` are shorthands."""

    messages: Annotated[list[ChatMessage], FailFast(), Field(min_length=1)]
    model: str = "default"
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    temperature: Annotated[float, within_range("temperature")] | None = None
    top_p: Annotated[float, within_range("top_p")] | None = None
    top_k: Annotated[int, within_range("top_k")] | None = None
    repetition_penalty: Annotated[float, within_range("repetition_penalty")] | None = None
    max_tokens: Annotated[int, within_range("max_tokens")] | None = None
    max_completion_tokens: Annotated[int, within_range("max_completion_tokens")] | None = None
    thinking_token_budget: Annotated[int, within_range("thinking_token_budget")] | None = None
    reasoning_effort: ReasoningEffort | None = None
    chat_template_kwargs: TemplateOptions = TemplateOptions()
    seed: Annotated[int, within_range("seed")] | None = None
    user: str = ""
    n: Annotated[int, Field(ge=1, le=1)] = 1
    logprobs: Literal[False] = False
    presence_penalty: Annotated[float, Field(ge=0, le=0)] = 0
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] = 0

    def sampling_for(self, model: ModelInfo) -> SamplingParams:
        """Return the sampling that the model recommends, with the fields that the request sets."""
        given: dict[str, Any] = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "repetition_penalty": self.repetition_penalty,
            "max_tokens": self.max_completion_tokens or self.max_tokens,
            "seed": self.seed,
        }
        given = {name: value for name, value in given.items() if value is not None}
        # Of several fields that set the budget all have one value, and None means no limit.
        if budgets := list(self.thinking_budgets.values()):
            given["thinking_token_budget"] = budgets[0]
        return replace(model.sampling, **given)

    @property
    def thinking_budgets(self) -> dict[str, int | None]:
        """The thinking budget by each field that sets it."""
        budgets: dict[str, int | None] = {}
        if self.thinking_token_budget is not None:
            budgets["thinking_token_budget"] = self.thinking_token_budget
        if self.reasoning_effort is not None:
            level = THINKING_LEVEL_OF[self.reasoning_effort]
            budgets["reasoning_effort"] = THINKING_BUDGETS[level]
        if not self.chat_template_kwargs.enable_thinking:
            budgets["chat_template_kwargs.enable_thinking"] = 0
        return budgets


def parse_chat_request(body: bytes, context_length: int) -> ChatRequest:
    """Parse and validate a body; `context_length` is that of the model with the longest context.

    Raises UnsupportedFieldError, InvalidFieldError and HTTPError 413.
    """
    data = parse_json(body, context_length)
    check_counts(data, context_length)
    request = validate(ChatRequest, without_nulls(data), TAGS, RANGES)
    check_consistency(request)
    return request


def check_counts(data: Any, context_length: int) -> None:
    """Bound messages and parts before they are validated.

    A message takes at least two tokens and a part usually one, so more could not fit.
    """
    messages = data.get("messages") if isinstance(data, dict) else None
    if not isinstance(messages, list):
        return
    part_count = 0
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        part_count += len(content) if isinstance(content, list) else 0
    for count, name, max_count in (
        (len(messages), "messages", context_length // 2),
        (part_count, "parts", context_length),
    ):
        if count > max_count:
            accepted = f"at most {max_count:,}, for a context of {context_length:,} tokens"
            raise InvalidFieldError(field="messages", value=f"{count:,} {name}", accepted=accepted)


def check_consistency(request: ChatRequest) -> None:
    """Raise InvalidFieldError for fields that are valid alone but not together."""
    role = request.messages[-1].role
    if role != "user":
        accepted = "user: the last message is answered"
        raise InvalidFieldError(field="messages[-1].role", value=role, accepted=accepted)
    if request.max_tokens and request.max_completion_tokens not in (None, request.max_tokens):
        accepted = "the same as max_completion_tokens; give one of the two"
        raise InvalidFieldError(field="max_tokens", value=request.max_tokens, accepted=accepted)
    if len(set(request.thinking_budgets.values())) > 1:
        field, other, *_ = request.thinking_budgets
        accepted = f"the same as {other}; give one of the two"
        raise InvalidFieldError(field=field, value=getattr(request, field), accepted=accepted)


async def load_messages(
    messages: Sequence[ChatMessage], images: ImageLoader
) -> tuple[Message, ...]:
    """Convert the messages and decode their images.

    Raises ContextLengthError, InvalidFieldError, and AttachmentError for an unreadable image.
    """
    await images.check_urls(image_urls(messages))
    loaded = [
        await load_message(message, f"messages[{index}]", images)
        for index, message in enumerate(messages)
    ]
    return tuple(loaded)


async def load_message(
    message: SystemMessage | UserMessage | AssistantMessage, field: str, images: ImageLoader
) -> Message:
    if isinstance(message, SystemMessage):
        return Message("system", tuple(part.text for part in message.content))
    if isinstance(message, AssistantMessage):
        texts = tuple(part.text for part in message.content)
        return Message("assistant", texts, message.reasoning_content)
    parts: list[Part] = []
    for index, part in enumerate(message.content):
        if isinstance(part, ImageContent):
            url_field = f"{field}.content[{index}].image_url.url"
            parts.append(await images.load(part.image_url.url, url_field))
        else:
            parts.append(part.text)
    return Message("user", tuple(parts))


def image_urls(messages: Sequence[ChatMessage]) -> list[str]:
    return [
        part.image_url.url
        for message in messages
        for part in message.content
        if isinstance(part, ImageContent)
    ]
