"""JSON request bodies, bounded before and while they are read and again before they are parsed.

Work on large bodies runs off the event loop.
"""

from __future__ import annotations

import asyncio
import reprlib
import string
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Request
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from webui.api.errors import MAX_SHOWN_LENGTH, HTTPError
from webui.api.streaming import client_closed_request
from webui.errors import InvalidFieldError

MEGABYTE = 1024**2
# Parsing this much takes less than a millisecond, or 20 ms where it is only brackets.
LARGE_BYTES = 64 * 1024
MAX_NUMBER_LENGTH = 20
# One byte of JSON may become a hundred bytes of memory, so the bytes that make objects, lists and
# strings are counted apart from base64. Chinese text takes about 5 bytes a token, code 3.
MIN_SYNTAX_BYTES = MEGABYTE
SYNTAX_BYTES_PER_TOKEN = 16
# Brackets of objects and lists, or in text. Building very many objects stalls all other threads.
MIN_BRACKETS = 32 * 1024
BRACKETS_PER_TOKEN = 2
MAX_FIELDS = 100
BASE64 = (string.ascii_letters + string.digits + "+/=").encode()

Result = TypeVar("Result")


class BodyReader:
    """Reads bodies of at most `max_bytes`, and processes one large body at a time.

    Parsing and decoding hold the interpreter lock, so more at once would only stall the event loop.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._one_at_a_time = asyncio.Semaphore(1)

    async def read(self, request: Request) -> bytes:
        """Return the body of a JSON request.

        Raises HTTPError: 415 for another content type, 413 for a body that is too large, 499 if the
        client disconnects.
        """
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            reason = f"The body is {content_type!r}; accepted: application/json."
            raise HTTPError(415, "unsupported_media_type", reason)
        content_length = request.headers.get("content-length", "")
        if content_length.isdecimal():
            self._check_size(int(content_length[:MAX_NUMBER_LENGTH]))
        chunks, size = [], 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                self._check_size(size)
                chunks.append(chunk)
        except ClientDisconnect:
            raise client_closed_request() from None
        return await self.process(size, lambda: b"".join(chunks))

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            limit = f"{self._max_bytes // MEGABYTE} MB"
            reason = f"The request is larger than {limit}. Send fewer or smaller pictures."
            raise HTTPError(413, "request_too_large", reason)

    async def process(self, size: int, work: Callable[[], Result]) -> Result:
        """Return the result of `work` on `size` bytes; a large body is processed in a thread."""
        if size <= LARGE_BYTES:
            return work()
        async with self._one_at_a_time:
            return await asyncio.to_thread(work)


def parse_json(body: bytes, context_length: int) -> Any:
    """Parse a body within bounds that grow with `context_length`, the longest context in tokens.

    Raises HTTPError 413 and InvalidFieldError.
    """
    check_syntax(body, context_length)
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        start = printable(body[: MAX_SHOWN_LENGTH + 1])
        accepted = "a JSON object in UTF-8"
        raise InvalidFieldError(field="body", value=start, accepted=accepted) from None


def check_syntax(body: bytes, context_length: int) -> None:
    """Raise HTTPError 413 for a body that would become too many objects."""
    syntax = brackets = 0
    # Piece by piece, so that other threads run in between.
    for start in range(0, len(body), MEGABYTE):
        rest = body[start : start + MEGABYTE].translate(None, BASE64)
        syntax += len(rest)
        brackets += rest.count(b"[") + rest.count(b"{")
    max_syntax = max(MIN_SYNTAX_BYTES, SYNTAX_BYTES_PER_TOKEN * context_length)
    max_brackets = max(MIN_BRACKETS, BRACKETS_PER_TOKEN * context_length)
    if syntax > max_syntax or brackets > max_brackets:
        size = f"{syntax:,} bytes, {brackets:,} of them opening brackets"
        accepted = f"at most {max_syntax:,} and {max_brackets:,} are read"
        reason = (
            f"Beside letters and digits the request has {size}; {accepted}. "
            "Send less text, and pictures as base64."
        )
        raise HTTPError(413, "request_too_large", reason)


def without_nulls(value: Any) -> Any:
    """Return the value without null members. Raises InvalidFieldError for a very large object."""
    if isinstance(value, dict):
        if len(value) > MAX_FIELDS:
            size = f"an object of {len(value):,} fields"
            accepted = f"objects of at most {MAX_FIELDS} fields"
            raise InvalidFieldError(field="body", value=size, accepted=accepted)
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def printable(value: Any) -> Any:
    """Return the value for an error message: a long one shortened, a huge number by its size."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, int | float):
        return value
    if isinstance(value, list | dict):
        value = reprlib.repr(value)
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= MAX_SHOWN_LENGTH else text[:MAX_SHOWN_LENGTH] + "…"
