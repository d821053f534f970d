"""Server-sent events, and work that ends when its client disconnects. Knows no API format."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import ExitStack, suppress
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from webui.api.errors import HTTPError
from webui.errors import WebUIError
from webui.protocol import Delta

CLIENT_CLOSED_REQUEST = 499
# Proxies usually close a connection that has been silent for 30 to 60 seconds.
KEEPALIVE_S = 5.0
# A comment, which every reader of server-sent events ignores.
KEEPALIVE = b": keepalive\n\n"

Result = TypeVar("Result")


class EventStream(StreamingResponse):
    """A response of server-sent events, with a keepalive comment after `keepalive_s` of silence.

    `at_end` is closed when the response ends for any reason, even if it never started.
    """

    def __init__(
        self, events: AsyncIterator[str], at_end: ExitStack, *, keepalive_s: float = KEEPALIVE_S
    ) -> None:
        super().__init__(
            events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
        )
        self._events, self._at_end = events, at_end
        self._keepalive_s = keepalive_s
        self._sent_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._at_end:
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        clock = asyncio.get_running_loop().time
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        self._sent_at = clock()
        # A task of its own: a timeout around each event would cost a task and a timer per token.
        keepalive = asyncio.create_task(self._send_keepalives(send))
        try:
            async for event in self._events:
                await send(body_message(event.encode()))
                self._sent_at = clock()
        finally:
            keepalive.cancel()
            with suppress(asyncio.CancelledError):
                await keepalive
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_keepalives(self, send: Send) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._sent_at + self._keepalive_s - clock())
            if clock() >= self._sent_at + self._keepalive_s:
                # Each event is one message, so a comment is never inside an event.
                await send(body_message(KEEPALIVE))
                self._sent_at = clock()


def body_message(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}


def server_sent_event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


async def run_while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of `work`, which is cancelled if the client disconnects.

    Call it once the body has been read. Raises HTTPError 499 after a disconnect.
    """
    working = asyncio.create_task(work)
    disconnecting = asyncio.create_task(wait_for_disconnect(request))
    try:
        await asyncio.wait({working, disconnecting}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise client_closed_request()
        return await working
    finally:
        for task in (working, disconnecting):
            task.cancel()
            with suppress(asyncio.CancelledError, WebUIError):
                await task


async def wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def client_closed_request() -> HTTPError:
    return HTTPError(CLIENT_CLOSED_REQUEST, "client_closed_request", "The client went away.")


async def first_output(deltas: AsyncIterator[Delta]) -> Delta:
    """Return the first delta after loading; until then an error can still set the HTTP status.

    Progress of loading does not count as output, because loading may fail.
    """
    async for delta in deltas:
        is_loading = delta.progress is not None and delta.progress.phase == "loading"
        if delta != Delta() and not is_loading:
            return delta
    return Delta()


async def wait_for_first(first: asyncio.Task[Delta], timeout_s: float | None) -> None:
    """Wait for the first output, at most `timeout_s` seconds. Raises the error that ended it."""
    await asyncio.wait({first}, timeout=timeout_s)
    if first.done():
        first.result()


def discard(task: asyncio.Task[Any]) -> None:
    """Cancel a task, and mark an error that it ended with as seen, so that it is not logged."""
    if not task.cancel() and not task.cancelled():
        task.exception()


async def collect(deltas: AsyncIterator[Delta]) -> list[Delta]:
    return [delta async for delta in deltas]
