"""JSON as it comes from anybody: bounded before it is parsed, since one byte of it may become a hundred of memory."""

from __future__ import annotations

import reprlib
import string
from typing import Any

from pydantic_core import from_json

from webui.api.errors import HTTPError
from webui.errors import InvalidFieldError

MEGABYTE = 1024**2
# Bytes that base64 is not made of: every object, list and string needs some. Chinese text has about 5 a token, code 3.
LEAST_SYNTAX_BYTES = MEGABYTE
SYNTAX_BYTES_PER_TOKEN = 16
# Objects and lists, or brackets in text: making very many holds up all other threads.
LEAST_BRACKETS = 32 * 1024
BRACKETS_PER_TOKEN = 2
MOST_FIELDS = 100
BASE64 = (string.ascii_letters + string.digits + "+/=").encode()
LONGEST_SHOWN = 60


def read_json(body: bytes, context_length: int) -> Any:
    """`context_length`: tokens of the longest context there is. Raises HTTPError 413 and InvalidFieldError."""
    check_syntax(body, context_length)
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        beginning = shown(body[: LONGEST_SHOWN + 1])
        raise InvalidFieldError(
            field="body", value=beginning, accepted="a JSON object in UTF-8"
        ) from None


def check_syntax(body: bytes, context_length: int) -> None:
    syntax = brackets = 0
    # In pieces, so that other threads have their turn.
    for start in range(0, len(body), MEGABYTE):
        rest = body[start : start + MEGABYTE].translate(None, BASE64)
        syntax += len(rest)
        brackets += rest.count(b"[") + rest.count(b"{")
    most_syntax = max(LEAST_SYNTAX_BYTES, SYNTAX_BYTES_PER_TOKEN * context_length)
    most_brackets = max(LEAST_BRACKETS, BRACKETS_PER_TOKEN * context_length)
    if syntax > most_syntax or brackets > most_brackets:
        found = f"{syntax:,} bytes, {brackets:,} of them opening brackets"
        accepted = f"at most {most_syntax:,} and {most_brackets:,} are read"
        reason = (
            f"Beside letters and digits the request has {found}; {accepted}. "
            "Send less text, and pictures as base64."
        )
        raise HTTPError(413, "request_too_large", reason)


def without_nulls(value: Any) -> Any:
    """Without the members of objects that are null. Raises InvalidFieldError for an object of very many members."""
    if isinstance(value, dict):
        if len(value) > MOST_FIELDS:
            told = f"an object of {len(value):,} fields"
            raise InvalidFieldError(
                field="body", value=told, accepted=f"objects of at most {MOST_FIELDS} fields"
            )
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def shown(value: Any) -> Any:
    """The value, or the beginning of one too long for a message."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, int | float):
        return value
    if isinstance(value, list | dict):
        value = reprlib.repr(value)
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
