"""The gate: ASGI middleware for every request to the server. Knows neither Gradio nor the API.

It checks host and origin, identifies the visitor, bounds the time that a body may take, and sets
the security headers.
"""

from __future__ import annotations

from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.access.body import STALL_S, TimedBody
from webui.access.hosts import Hosts
from webui.access.refusal import Refusal
from webui.access.traffic import Traffic
from webui.access.visitors import Visitor, Visitors

# Load balancers request these by address; they reveal nothing that needs protection.
ANY_HOST_PATHS = ("/health",)
# Programs send keys, not cookies.
COOKIELESS_PATHS = ("/v1/", "/health")
# No answer, file name or error can make a browser contact another host, even if it slips through
# the escaping of texts: only embedded images and those of this server are drawn. Gradio's page
# needs inline scripts, eval and blobs.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; frame-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'{ancestors}"
)
SPACES_ORIGINS = (" https://huggingface.co", " https://*.hf.space")


class Gate:
    """Middleware around `app`.

    `embedded` lets Hugging Face Spaces frame the page. `stall_s` is that of TimedBody.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Hosts,
        visitors: Visitors,
        traffic: Traffic,
        *,
        embedded: bool = False,
        stall_s: float = STALL_S,
    ) -> None:
        self._app, self._hosts, self._visitors, self._traffic = app, hosts, visitors, traffic
        self._stall_s = stall_s
        spaces = SPACES_ORIGINS if embedded else ()
        ancestors = (*spaces, *(f" {origin}" for origin in hosts.origins))
        self._policy = POLICY.format(ancestors="".join(ancestors))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            if scope["path"] not in ANY_HOST_PATHS:
                self._hosts.check(Headers(scope=scope))
        except Refusal as refusal:
            await refusal.response()(scope, receive, send)
            return
        scope.setdefault("state", {})["visitor"] = self._visitors.identify(scope)
        with self._traffic.count_request(scope["path"]):
            await self._forward(scope, receive, send)

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, started = TimedBody(receive, self._stall_s), False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if body.stalled and not started:
                return  # the application's answer to a client that it believes disconnected
            if message["type"] == "http.response.start":
                started = True
                self._add_headers(scope, MutableHeaders(scope=message))
            await send(message)

        # A page that is closed during an upload is not an error of the server.
        with suppress(ClientDisconnect):
            await self._app(scope, body, send_with_headers)
        if body.stalled and not started:
            reason = (
                f"The request did not arrive: {self._stall_s:g} s passed without enough of it. "
                "Send it again."
            )
            await Refusal(408, "request_timeout", reason).response()(scope, receive, send)

    def _add_headers(self, scope: Scope, headers: MutableHeaders) -> None:
        """Add the headers of every response, and the cookie of a new browser."""
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        # Browsers resolve the host names of links before a click, and a name alone can carry data.
        headers["X-DNS-Prefetch-Control"] = "off"
        is_page = headers.get("content-type", "").startswith("text/html")
        if is_page:
            headers["Content-Security-Policy"] = self._policy
        visitor: Visitor = scope["state"]["visitor"]
        takes_cookie = is_page or scope["method"] == "POST"
        if visitor.fresh and takes_cookie and not scope["path"].startswith(COOKIELESS_PATHS):
            headers.append("Set-Cookie", self._visitors.cookie(visitor, scope["scheme"]))
            # A proxy that kept the response would give one cookie to many browsers.
            headers["Cache-Control"] = "no-store"
