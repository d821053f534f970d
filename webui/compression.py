"""Compression: ASGI middleware that sends text compressed, streams and byte ranges as they are.

Gradio's own middleware compresses paths with an extension, such as /theme.css. It leaves the page
itself and its configuration, the largest texts of a visit.

Compressed size can reveal a secret that stands beside text of an attacker's choice (BREACH). No
response does that: the cookie of a visitor is in headers, which are not compressed; the page and
the form for signing in contain no token; conversations and answers go to their visitor only, and
the gate refuses requests that another site's page makes in the visitor's name.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

# Level 6 makes the page 2% larger than level 9 does, in half the time.
LEVEL = 6
MIN_BYTES = 500
# Streams go past the middleware: it would be one more call for each token, and the API's other
# responses are small.
STREAM_PATHS = ("/v1/", "/gradio_api/queue/data", "/gradio_api/heartbeat/")
# Streams of events must arrive event by event; the others are compressed formats.
EXCLUDED_TYPES = (
    "text/event-stream",
    "image/*",
    "font/*",
    "audio/*",
    "video/*",
    "application/octet-stream",
    "application/pdf",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/zip",
)


class Compression:
    """Middleware around `app`, outside everything that adds headers or reads a response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._gzip = GZipMiddleware(app, MIN_BYTES, LEVEL, exclude_content_types=EXCLUDED_TYPES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(STREAM_PATHS):
            await self._app(scope, receive, send)
        elif "range" in Headers(scope=scope):
            # The numbers of a range count the bytes of the uncompressed file. Gradio's middleware
            # would compress the part of a range.
            await self._app(without_compression(scope), receive, send)
        else:
            await self._gzip(scope, receive, send)


def without_compression(scope: Scope) -> Scope:
    """Return the request without Accept-Encoding, so that its response is not compressed."""
    plain = {**scope, "headers": list(scope["headers"])}
    del MutableHeaders(scope=plain)["accept-encoding"]
    return plain
