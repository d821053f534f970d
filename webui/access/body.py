"""Request bodies: a minimum speed for their arrival, reading them whole, and replaying them."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from webui.access.refusal import Refusal

STALL_S = 20.0
MIN_BYTES_PER_S = 10_000


class TimedBody:
    """An ASGI `receive` that ends requests whose body arrives too slowly.

    The body may take `stall_s` seconds, and one more for each MIN_BYTES_PER_S received. After that
    the application receives a disconnect, and `stalled` is true.
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
        if self._complete:  # only a disconnect can follow, at any time
            return await self._receive()
        if self._started_at is None:
            self._started_at = asyncio.get_running_loop().time()
        deadline = self._started_at + self._stall_s + self._received / MIN_BYTES_PER_S
        try:
            async with asyncio.timeout_at(deadline):
                message = await self._receive()
        except TimeoutError:
            self.stalled = True
            return {"type": "http.disconnect"}
        self._received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """Return the whole body.

    Raises Refusal if it is larger than `max_bytes`, ClientDisconnect if the client disconnects.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > max_bytes:
            reason = f"The request is larger than {max_bytes // 1024**2} MB. Send less."
            raise Refusal(413, "request_too_large", reason)
        if not message.get("more_body", False):
            return bytes(body)


async def discard_body(receive: Receive, max_bytes: int) -> None:
    """Read the body to its end, but no more than `max_bytes`.

    A browser that still sends when the connection closes does not read the response.
    """
    size = 0
    while size <= max_bytes:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def replay_body(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields this body first, and then continues with the client's."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_replayed() -> Message:
        return messages.pop() if messages else await receive()

    return receive_replayed
