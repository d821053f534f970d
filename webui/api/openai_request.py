"""The body of /v1/chat/completions: JSON to ChatRequest, and what is wrong with it by the name of the field.

A field that we do not know is refused, never ignored; null counts as absent. Where a field we do not implement has
one value that asks for nothing, that value is accepted.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, ValidationError

from webui.api.raw_json import read_json, shown, without_nulls
from webui.errors import InvalidFieldError, UnsupportedFieldError, WebUIError
from webui.protocol import (
    SAMPLING_RANGES,
    THINKING_BUDGETS,
    ModelInfo,
    SamplingParams,
    ThinkingLevel,
)

DEFAULT = SamplingParams()
RANGES = SAMPLING_RANGES | {"max_completion_tokens": SAMPLING_RANGES["max_tokens"]}
OUT_OF_RANGE = ("int_type", "float_type", "greater_than_equal", "less_than_equal")
Effort = Literal["none", "minimal", "low", "medium", "high"]
EFFORTS: dict[Effort, ThinkingLevel] = {
    "none": "off",
    "minimal": "short",
    "low": "short",
    "medium": "normal",
    "high": "long",
}
# How pydantic marks the chosen member of a union in a location; these are no fields.
TAGS = frozenset({"text", "image_url", "system", "developer", "user", "assistant"})
# What pydantic's types of error mean to whoever wrote the field.
ACCEPTED = {
    "missing": "a value; this field is required",
    "list_type": "a list",
    "too_short": "at least one",
    "string_type": "a string",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "union_tag_not_found": "an object that names its {discriminator}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than_equal": "a number of at most {le}",
    "literal_error": "{expected}",
}


def as_parts(content: Any) -> Any:
    """A plain string is short for one text part."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def within(field: str) -> Any:
    """The bounds of a sampling parameter."""
    return Field(ge=RANGES[field].minimum, le=RANGES[field].maximum)


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ImageURL(Body):
    url: str
    detail: Literal["auto", "high"] = "auto"


class TextContent(Body):
    type: Literal["text"]
    text: str


class ImageContent(Body):
    type: Literal["image_url"]
    image_url: ImageURL


Content = Annotated[TextContent | ImageContent, Field(discriminator="type")]
# Only the first error is reported, so validation of a list, which may be long, stops there.
Text = Annotated[list[TextContent], FailFast(), BeforeValidator(as_parts)]


class SystemTurn(Body):
    role: Literal["system", "developer"]
    content: Text


class UserTurn(Body):
    role: Literal["user"]
    content: Annotated[list[Content], FailFast(), BeforeValidator(as_parts), Field(min_length=1)]


class AssistantTurn(Body):
    """`reasoning_content` may come back as it was sent; it does not go into the prompt again."""

    role: Literal["assistant"]
    content: Text = []
    reasoning_content: str = ""


Turn = Annotated[SystemTurn | UserTurn | AssistantTurn, Field(discriminator="role")]


class StreamOptions(Body):
    include_usage: bool = False


class TemplateOptions(Body):
    """As vLLM and SGLang name it."""

    enable_thinking: bool = True


class ChatRequest(Body):
    """`thinking_token_budget` is exact; `reasoning_effort` and `enable_thinking` say it in words."""

    messages: Annotated[list[Turn], FailFast(), Field(min_length=1)]
    model: str = "default"
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    temperature: Annotated[float, within("temperature")] = DEFAULT.temperature
    top_p: Annotated[float, within("top_p")] = DEFAULT.top_p
    top_k: Annotated[int, within("top_k")] = DEFAULT.top_k
    repetition_penalty: Annotated[float, within("repetition_penalty")] | None = None
    max_tokens: Annotated[int, within("max_tokens")] | None = None
    max_completion_tokens: Annotated[int, within("max_completion_tokens")] | None = None
    thinking_token_budget: Annotated[int, within("thinking_token_budget")] | None = None
    reasoning_effort: Effort | None = None
    chat_template_kwargs: TemplateOptions = TemplateOptions()
    seed: Annotated[int, within("seed")] | None = DEFAULT.seed
    user: str = ""
    n: Annotated[int, Field(ge=1, le=1)] = 1
    logprobs: Literal[False] = False
    presence_penalty: Annotated[float, Field(ge=0, le=0)] = 0
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] = 0

    def sampling_for(self, model: ModelInfo) -> SamplingParams:
        """What was not told is as that model's makers advise."""
        penalty = self.repetition_penalty
        return SamplingParams(
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            repetition_penalty=model.repetition_penalty if penalty is None else penalty,
            max_tokens=self.max_completion_tokens or self.max_tokens or DEFAULT.max_tokens,
            thinking_token_budget=next(
                iter(self.thinking_budgets.values()), DEFAULT.thinking_token_budget
            ),
            seed=self.seed,
        )

    @property
    def thinking_budgets(self) -> dict[str, int | None]:
        """What was told of the thinking budget, by the field that told it."""
        told: dict[str, int | None] = {}
        if self.thinking_token_budget is not None:
            told["thinking_token_budget"] = self.thinking_token_budget
        if self.reasoning_effort is not None:
            told["reasoning_effort"] = THINKING_BUDGETS[EFFORTS[self.reasoning_effort]]
        if not self.chat_template_kwargs.enable_thinking:
            told["chat_template_kwargs.enable_thinking"] = 0
        return told


def read_chat_request(body: bytes, context_length: int) -> ChatRequest:
    """`context_length`: tokens of the longest context among the models.

    Raises UnsupportedFieldError, InvalidFieldError and HTTPError 413.
    """
    told = read_json(body, context_length)
    check_counts(told, context_length)
    try:
        request = ChatRequest.model_validate(without_nulls(told))
    except ValidationError as error:
        raise first_error(error) from None
    if request.messages[-1].role != "user":
        role = request.messages[-1].role
        raise InvalidFieldError(
            field="messages[-1].role", value=role, accepted="user: the last message is answered"
        )
    if request.max_tokens and request.max_completion_tokens not in (None, request.max_tokens):
        accepted = "the same as max_completion_tokens; give one of the two"
        raise InvalidFieldError(field="max_tokens", value=request.max_tokens, accepted=accepted)
    if len(set(request.thinking_budgets.values())) > 1:
        field, *others = request.thinking_budgets
        value = getattr(request, field)
        raise InvalidFieldError(
            field=field, value=value, accepted=f"the same as {others[0]}; give one of the two"
        )
    return request


def check_counts(told: Any, context_length: int) -> None:
    """Bound messages and parts before each is validated: a message takes at least two tokens, a part usually one."""
    messages = told.get("messages") if isinstance(told, dict) else None
    if not isinstance(messages, list):
        return
    contents = [message.get("content") for message in messages if isinstance(message, dict)]
    parts = sum(len(content) for content in contents if isinstance(content, list))
    for count, name, most in (
        (len(messages), "messages", context_length // 2),
        (parts, "parts", context_length),
    ):
        if count > most:
            accepted = f"at most {most:,}, for a context of {context_length:,} tokens"
            raise InvalidFieldError(field="messages", value=f"{count:,} {name}", accepted=accepted)


def first_error(error: ValidationError) -> WebUIError:
    """One thing at a time; a field that we do not know goes first, because it explains the others."""
    found = sorted(
        error.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden"
    )[0]
    field = shown(field_name(found["loc"]))
    if found["type"] == "extra_forbidden":
        return UnsupportedFieldError(field=field)
    context = {name: str(value).replace("'", "") for name, value in found.get("ctx", {}).items()}
    if found["type"] == "union_tag_invalid":
        name = f"{field}.{context['discriminator']}"
        return InvalidFieldError(
            field=name, value=shown(context["tag"]), accepted=context["expected_tags"]
        )
    value = "missing" if found["type"] == "missing" else found["input"]
    accepted = ACCEPTED.get(found["type"], found["msg"]).format(**context)
    if found["type"] in OUT_OF_RANGE and field in RANGES:
        accepted = str(RANGES[field])
    return InvalidFieldError(field=field, value=shown(value), accepted=accepted)


def field_name(location: tuple[int | str, ...]) -> str:
    """messages[0].content[1].image_url.url, without the tags, which stand behind an index and never at the end."""
    name = ""
    for index, part in enumerate(location):
        if isinstance(part, int):
            name += f"[{part}]"
        elif (
            index == len(location) - 1
            or part not in TAGS
            or not isinstance(location[index - 1], int)
        ):
            name += f".{part}" if name else part
    return name or "body"
