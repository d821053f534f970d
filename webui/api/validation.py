"""Request schemas, and pydantic's validation errors as errors that name the field.

An unknown field is refused by name, never ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from webui.api.json_body import printable
from webui.errors import InvalidFieldError, UnsupportedFieldError, WebUIError
from webui.protocol import Range

OUT_OF_RANGE = ("int_type", "float_type", "greater_than_equal", "less_than_equal")
# What a field accepts, by the type of pydantic's error.
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


class Schema(BaseModel):
    """A JSON object without unknown fields and without conversion between types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


SchemaType = TypeVar("SchemaType", bound=Schema)


def validate(
    schema: type[SchemaType], value: Any, tags: frozenset[str], ranges: Mapping[str, Range]
) -> SchemaType:
    """Return the validated value. Raises UnsupportedFieldError and InvalidFieldError.

    `tags` are the values of the schema's discriminators, `ranges` the bounds of its numbers.
    """
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise first_error(error, tags, ranges) from None


def first_error(
    error: ValidationError, tags: frozenset[str], ranges: Mapping[str, Range]
) -> WebUIError:
    """Return one error; an unknown field comes first, because it often explains the others."""
    errors = error.errors(include_url=False)
    details = min(errors, key=lambda details: details["type"] != "extra_forbidden")
    error_type = details["type"]
    field = printable(field_name(details["loc"], tags))
    if error_type == "extra_forbidden":
        return UnsupportedFieldError(field=field)
    context = {name: str(value).replace("'", "") for name, value in details.get("ctx", {}).items()}
    if error_type == "union_tag_invalid":
        field = f"{field}.{context['discriminator']}"
        value, accepted = context["tag"], context["expected_tags"]
    else:
        value = "missing" if error_type == "missing" else details["input"]
        accepted = ACCEPTED.get(error_type, details["msg"]).format(**context)
    if error_type in OUT_OF_RANGE and field in ranges:
        accepted = str(ranges[field])
    return InvalidFieldError(field=field, value=printable(value), accepted=accepted)


def field_name(location: tuple[int | str, ...], tags: frozenset[str]) -> str:
    """Return a location as a path, such as messages[0].content[1].image_url.url.

    pydantic adds the tag of a union's member to the location, always after an index and never at
    the end. A tag is no field, so it is left out.
    """
    name = ""
    last = len(location) - 1
    for index, part in enumerate(location):
        if isinstance(part, int):
            name += f"[{part}]"
            continue
        is_tag = index < last and part in tags and isinstance(location[index - 1], int)
        if not is_tag:
            name += f".{part}" if name else part
    return name or "body"
