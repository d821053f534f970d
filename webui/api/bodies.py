"""Bodies of requests: bounded before and while they are read; work on large ones stays off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from webui.api.errors import HTTPError

MEGABYTE = 1024**2
# Parsing this much takes less than a millisecond, or 20 ms where it is brackets.
LARGE_BYTES = 64 * 1024
CLIENT_CLOSED_REQUEST = 499
LONGEST_NUMBER = 20

Made = TypeVar("Made")


class Bodies:
    """Reads bodies of at most `most` bytes. Large ones are worked on one at a time: that holds the interpreter."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._turn = asyncio.Semaphore(1)

    async def read(self, request: Request) -> bytes:
        """Raises HTTPError: 415 if it is no JSON, 413 if it is too large, 499 if the client hangs up meanwhile."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HTTPError(
                415, "unsupported_media_type", f"The body is {kind!r}; accepted: application/json."
            )
        told = request.headers.get("content-length", "")
        self._check(int(told[:LONGEST_NUMBER]) if told.isdecimal() else 0)
        chunks, size = [], 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                self._check(size)
                chunks.append(chunk)
        except ClientDisconnect:
            raise client_closed() from None
        return await self.work(size, lambda: b"".join(chunks))

    def _check(self, size: int) -> None:
        if size > self._most:
            reason = f"The request is larger than {self._most // MEGABYTE} MB. Send fewer or smaller pictures."
            raise HTTPError(413, "request_too_large", reason)

    async def work(self, size: int, make: Callable[[], Made]) -> Made:
        """What `make` makes of so many bytes, in a thread if they are many."""
        if size <= LARGE_BYTES:
            return make()
        async with self._turn:
            return await asyncio.to_thread(make)


def client_closed() -> HTTPError:
    return HTTPError(CLIENT_CLOSED_REQUEST, "client_closed_request", "The client went away.")
