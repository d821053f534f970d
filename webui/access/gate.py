"""Gate: what holds for every request, whichever door it goes to. ASGI middleware around the whole server.

Checks host and origin, finds the visitor, bounds the time that a body may take, and tells browsers what the page may
load. Knows neither Gradio nor the API.
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

# Asked by balancers, which know no names; there is nothing in it to protect.
OPEN = ("/health",)
# Programs bring keys, not cookies.
COOKIELESS = ("/v1/", "/health")
# No answer, file name or error makes a browser ask another host, whatever slips through the escaping of texts: only
# pictures that lie in the page or come from here are drawn. Gradio's page needs inline scripts, eval and blobs.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; frame-src 'self' blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'{ancestors}"
)
SPACES = (" https://huggingface.co", " https://*.hf.space")


class Gate:
    """`embedded`: the page may lie in a frame of a Space. `stall_s` as in TimedBody."""

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
        ancestors = (*(SPACES if embedded else ()), *(f" {origin}" for origin in hosts.origins))
        self._policy = POLICY.format(ancestors="".join(ancestors))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            if scope["path"] not in OPEN:
                self._hosts.check(Headers(scope=scope))
        except Refusal as refusal:
            await refusal.response()(scope, receive, send)
            return
        visitor = self._visitors.of(scope)
        scope.setdefault("state", {})["visitor"] = visitor
        with self._traffic.request(scope["path"]):
            await self._pass(scope, receive, send)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, started = TimedBody(receive, self._stall_s), False

        async def answer(message: Message) -> None:
            nonlocal started
            if body.stalled and not started:
                return  # what the application says to a client that it believes gone
            if message["type"] == "http.response.start":
                started = True
                self._complete(scope, MutableHeaders(scope=message))
            await send(message)

        # A page that is closed in mid-upload is no error of the server's.
        with suppress(ClientDisconnect):
            await self._app(scope, body, answer)
        if body.stalled and not started:
            reason = f"The request did not arrive: {self._stall_s:g} s passed without enough of it. Send it again."
            await Refusal(408, "request_timeout", reason).response()(scope, receive, send)

    def _complete(self, scope: Scope, headers: MutableHeaders) -> None:
        """The headers that every answer has; a browser that is new gets its cookie."""
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        # Browsers resolve the host names of links before a click, and a host name alone can carry data away.
        headers["X-DNS-Prefetch-Control"] = "off"
        is_page = headers.get("content-type", "").startswith("text/html")
        if is_page:
            headers["Content-Security-Policy"] = self._policy
        visitor: Visitor = scope["state"]["visitor"]
        if (
            visitor.fresh
            and (is_page or scope["method"] == "POST")
            and not scope["path"].startswith(COOKIELESS)
        ):
            headers.append("Set-Cookie", self._visitors.cookie(visitor, scope["scheme"]))
            headers["Cache-Control"] = (
                "no-store"  # a proxy that kept it would give many people one cookie
            )
