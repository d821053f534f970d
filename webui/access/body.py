"""TimedBody: a request's body that has to arrive, at a least speed, or the request ends."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from webui.access.refusal import Refusal

STALL_S = 20.0
LEAST_BYTES_PER_S = 10_000


class TimedBody:
    """Wraps `receive`. `stall_s` seconds may pass, and one more for each LEAST_BYTES_PER_S that have come.

    Once the time is over the application hears that its client is gone, and `stalled` is True.
    """

    def __init__(self, receive: Receive, stall_s: float = STALL_S) -> None:
        self._receive, self._stall_s = receive, stall_s
        self._started_at: float | None = None
        self._received = 0
        self._complete = False
        self.stalled = False

    async def __call__(self) -> Message:
        if self.stalled:
            return {"type": "http.disconnect"}
        if self._complete:  # nothing but a disconnect can come now, whenever that may be
            return await self._receive()
        if self._started_at is None:
            self._started_at = asyncio.get_running_loop().time()
        ends_at = self._started_at + self._stall_s + self._received / LEAST_BYTES_PER_S
        try:
            async with asyncio.timeout_at(ends_at):
                message = await self._receive()
        except TimeoutError:
            self.stalled = True
            return {"type": "http.disconnect"}
        self._received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message


async def read_body(receive: Receive, most: int) -> bytes:
    """The whole body. Raises Refusal if it is larger than `most` bytes, ClientDisconnect if the client went away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > most:
            raise Refusal(
                413,
                "request_too_large",
                f"The request is larger than {most // 1024**2} MB. Send less.",
            )
        if not message.get("more_body", False):
            return bytes(body)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives this body first, and then what the client does."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
