"""PageGate: what holds for Gradio's routes. ASGI middleware: logins, sessions and files, before Gradio sees a request.

Only the routes that the page needs are open; Gradio has many more, some of which fetch, stream or record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.access.body import read_body, replayed
from webui.access.refusal import Refusal
from webui.access.sessions import Sessions
from webui.access.uploads import Uploads
from webui.access.visitors import Visitor, Visitors, visitor_of

# What is typed or chosen in the page; files go by /upload.
MOST_EVENT_BYTES = 4 * 1024**2
MOST_UPLOAD_REPLY_BYTES = 1024**2
API = "/gradio_api"
OTHERS = re.compile(r"/(health|v1(/.*)?|login|logout|favicon\.ico|robots\.txt)")
READ = re.compile(
    r"/|/(theme\.css|manifest\.json|pwa_icon(/\d+)?|config/?)|/(static|assets|svelte)/.*"
    rf"|{API}/(theme\.css|app_id/?|info/?|startup-events|login_check/?)"
)
FILE, HEARTBEAT, EVENTS, PROGRESS = (
    f"{API}/{name}" for name in ("file=", "heartbeat/", "queue/data", "upload_progress")
)
UPLOAD, ACT = f"{API}/upload", re.compile(rf"{API}/(run/[\w-]+|queue/join|cancel)/?")


class PageGate:
    """`sign_in` makes the page that a visitor without an account sees, from the Accept-Language header."""

    def __init__(
        self,
        app: ASGIApp,
        visitors: Visitors,
        sessions: Sessions,
        uploads: Uploads,
        sign_in: Callable[[str], str],
    ) -> None:
        self._app, self._visitors, self._sessions, self._uploads = app, visitors, sessions, uploads
        self._sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or OTHERS.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        visitor = visitor_of(scope)
        try:
            if not self._visitors.may_see(visitor):
                await self._refuse_stranger(scope, receive, send)
                return
            await self._pass(visitor, scope, receive, send)
        except Refusal as refusal:
            await refusal.response()(scope, receive, send)

    async def _refuse_stranger(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/":
            raise Refusal(401, "not_signed_in", "Sign in first: load the page again.")
        language = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
        # 200, not 401: some proxies put a page of their own in the place of an error.
        await HTMLResponse(self._sign_in(language), headers={"Cache-Control": "no-store"})(
            scope, receive, send
        )

    async def _pass(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        path, reads = scope["path"], scope["method"] in ("GET", "HEAD")
        streaming: Any = nullcontext()
        if reads and path.startswith(FILE):
            self._uploads.check(visitor, path.removeprefix(FILE), public=True)
        elif reads and path.startswith(HEARTBEAT):
            streaming = self._sessions.stream(visitor)
            self._sessions.check(visitor, path.removeprefix(HEARTBEAT))
        elif reads and path == EVENTS:
            streaming = self._sessions.stream(visitor)
            # One only: of two, Gradio would take the other one.
            named = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [])
            self._sessions.check(visitor, named[0] if len(named) == 1 else None)
        elif reads and path == PROGRESS:
            streaming = self._sessions.stream(visitor)
        elif scope["method"] == "POST" and path == UPLOAD:
            scope, send = without_compression(scope), self._recording(visitor, send)
        elif scope["method"] == "POST" and ACT.fullmatch(path):
            receive = await self._checked(visitor, receive)
        elif not (reads and READ.fullmatch(path)):
            raise Refusal(404, "not_found", "There is nothing here.")
        with streaming:
            await self._app(scope, receive, send)

    async def _checked(self, visitor: Visitor, receive: Receive) -> Receive:
        """The same event, if its session and all files that it names are the visitor's.

        Gradio's own check of paths does nothing in a mounted page unless `has_launched` is set (`_check_allowed` in
        its processing_utils.py), and even then takes the uploads of all visitors for those of each.
        """
        body = await read_body(receive, MOST_EVENT_BYTES)
        try:
            event = json.loads(body)
        except (ValueError, RecursionError):
            raise Refusal(400, "invalid_json", "The request is not JSON.") from None
        if not isinstance(event, dict):
            raise Refusal(400, "invalid_json", "The request is no JSON object.")
        self._sessions.check(visitor, event.get("session_hash"))
        self._uploads.check_all(visitor, event)
        # Written anew: of a name that stands twice in an object, Gradio gets the value that was checked.
        return replayed(json.dumps(event).encode(), receive)

    def _recording(self, visitor: Visitor, send: Send) -> Send:
        """Notes the paths that Gradio gives to an upload, before the visitor learns them."""
        status, reply = 0, bytearray()

        async def record(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status == 200 and len(reply) <= MOST_UPLOAD_REPLY_BYTES:
                reply.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    for path in json.loads(bytes(reply)):
                        self._uploads.add(visitor, path)
            await send(message)

        return record


def without_compression(scope: Scope) -> Scope:
    """The same request, of a client that reads plain answers only."""
    plain = {**scope, "headers": list(scope["headers"])}
    del MutableHeaders(scope=plain)["accept-encoding"]
    return plain
