"""EarlyScript: ASGI middleware that puts a script into the page before everything that draws.

Gradio adds the `head` of its Blocks in the browser, after it has drawn a first time: too late for
a theme.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PLACE = b"<head>"


class EarlyScript:
    """Middleware around `app`, next to it: it reads HTML that is not yet compressed."""

    def __init__(self, app: ASGIApp, script: str) -> None:
        self._app = app
        self._element = f"<script>{script}</script>".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            send = self._inserting(send)
        await self._app(scope, receive, send)

    def _inserting(self, send: Send) -> Send:
        """Return a `send` that holds an HTML response back until it is whole."""
        start: Message | None = None
        body = bytearray()

        async def insert(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and is_plain_html(message):
                start = message
                return
            if start is None:
                await send(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                page = bytes(body).replace(PLACE, PLACE + self._element, 1)
                MutableHeaders(scope=start)["content-length"] = str(len(page))
                await send(start)
                await send({"type": "http.response.body", "body": page})

        return insert


def is_plain_html(start: Message) -> bool:
    headers = Headers(scope=start)
    is_html = headers.get("content-type", "").startswith("text/html")
    return is_html and "content-encoding" not in headers
