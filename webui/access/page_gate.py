"""The page's gate: ASGI middleware that checks logins, sessions and files before Gradio.

Only the routes that the page needs are open. Gradio has many more, some of which fetch URLs,
stream, or record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.access.body import discard_body, read_body, replay_body
from webui.access.refusal import Refusal
from webui.access.sessions import Sessions
from webui.access.upload_quota import UploadQuota
from webui.access.uploads import Uploads
from webui.access.visitors import Visitor, Visitors, visitor_of
from webui.compression import without_compression
from webui.errors import StorageFullError, UploadQuotaError, WebUIError

# Events carry what is typed or chosen on the page; files are sent to /upload.
MAX_EVENT_BYTES = 4 * 1024**2
MAX_UPLOAD_REPLY_BYTES = 1024**2
MAX_DISCARDED_BYTES = 256 * 1024**2
API = "/gradio_api"
# Paths of other routers.
FOREIGN_PATHS = re.compile(r"/(health|v1(/.*)?|login|logout|favicon\.ico|robots\.txt)")
READ_PATHS = re.compile(
    r"/|/(theme\.css|app\.js|manifest\.json|pwa_icon(/\d+)?|config/?)|/(static|assets|svelte)/.*"
    rf"|{API}/(theme\.css|app_id/?|info/?|startup-events|login_check/?)"
)
FILE_PREFIX, HEARTBEAT_PREFIX = f"{API}/file=", f"{API}/heartbeat/"
EVENTS_PATH, UPLOAD_PROGRESS_PATH = f"{API}/queue/data", f"{API}/upload_progress"
UPLOAD_PATH = f"{API}/upload"
EVENT_PATHS = re.compile(rf"{API}/(run/[\w-]+|queue/join|cancel)/?")


class PageGate:
    """Middleware around `app`.

    `sign_in` returns the HTML for a visitor without an account, given the Accept-Language header.
    `explain` returns the text of an error, given that header too.
    """

    def __init__(
        self,
        app: ASGIApp,
        visitors: Visitors,
        sessions: Sessions,
        uploads: Uploads,
        quota: UploadQuota,
        sign_in: Callable[[str], str],
        explain: Callable[[str, WebUIError], str],
    ) -> None:
        self._app, self._visitors, self._sessions, self._uploads = app, visitors, sessions, uploads
        self._quota, self._sign_in, self._explain = quota, sign_in, explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or FOREIGN_PATHS.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        visitor = visitor_of(scope)
        try:
            if self._visitors.may_see(visitor):
                await self._forward(visitor, scope, receive, send)
            else:
                await self._show_sign_in(scope, receive, send)
        except Refusal as refusal:
            await refusal.response()(scope, receive, send)

    async def _show_sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/":
            raise Refusal(401, "not_signed_in", "Sign in first: load the page again.")
        # 200 rather than 401: some proxies replace the page of an error by their own.
        page = HTMLResponse(
            self._sign_in(accept_language(scope)), headers={"Cache-Control": "no-store"}
        )
        await page(scope, receive, send)

    async def _forward(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to Gradio if its route is open and its files are the visitor's."""
        path, method = scope["path"], scope["method"]
        stream: Any = nullcontext()
        if method in ("GET", "HEAD"):
            if path in (EVENTS_PATH, UPLOAD_PROGRESS_PATH) or path.startswith(HEARTBEAT_PREFIX):
                stream = self._sessions.open_stream(visitor)
            self._check_read(visitor, scope)
        elif method == "POST" and path == UPLOAD_PATH:
            await self._upload(visitor, scope, receive, send)
            return
        elif method == "POST" and EVENT_PATHS.fullmatch(path):
            receive = await self._checked_event(visitor, receive)
        else:
            raise Refusal(404, "not_found", "There is nothing here.")
        with stream:
            await self._app(scope, receive, send)

    async def _upload(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an upload to Gradio if the quotas have room for it."""
        size = Headers(scope=scope).get("content-length", "")
        if not size.isdecimal():
            raise Refusal(411, "length_required", "The upload does not say how large it is.")
        try:
            with self._quota.reserve(visitor.owner, int(size)):
                await self._app(without_compression(scope), receive, self._recording(visitor, send))
        except (UploadQuotaError, StorageFullError) as error:
            await discard_body(receive, MAX_DISCARDED_BYTES)
            status = 413 if isinstance(error, UploadQuotaError) else 507
            text = self._explain(accept_language(scope), error)
            # Gradio's page shows the body of a failed upload as it is.
            refusal = PlainTextResponse(text, status, {"Connection": "close"})
            await refusal(scope, receive, send)

    def _check_read(self, visitor: Visitor, scope: Scope) -> None:
        """Raise Refusal for a GET or HEAD request that this visitor may not make."""
        path = scope["path"]
        if path.startswith(FILE_PREFIX):
            self._uploads.check(visitor, path.removeprefix(FILE_PREFIX), public=True)
        elif path.startswith(HEARTBEAT_PREFIX):
            self._sessions.check(visitor, path.removeprefix(HEARTBEAT_PREFIX))
        elif path == EVENTS_PATH:
            # Exactly one: of two, Gradio would use the one that was not checked.
            query = parse_qs(scope["query_string"].decode("latin-1"))
            sessions = query.get("session_hash", [])
            self._sessions.check(visitor, sessions[0] if len(sessions) == 1 else None)
        elif path != UPLOAD_PROGRESS_PATH and not READ_PATHS.fullmatch(path):
            raise Refusal(404, "not_found", "There is nothing here.")

    async def _checked_event(self, visitor: Visitor, receive: Receive) -> Receive:
        """Return the event to replay, if its session and all files in it are the visitor's.

        Gradio's own check of paths does nothing in a mounted page unless `has_launched` is set
        (`_check_allowed` in its processing_utils.py), and even then every visitor may use the
        uploads of all others.
        """
        body = await read_body(receive, MAX_EVENT_BYTES)
        try:
            event = json.loads(body)
        except (ValueError, RecursionError):
            raise Refusal(400, "invalid_json", "The request is not JSON.") from None
        if not isinstance(event, dict):
            raise Refusal(400, "invalid_json", "The request is no JSON object.")
        self._sessions.check(visitor, event.get("session_hash"))
        self._uploads.check_all(visitor, event)
        # Serialized again, so that Gradio gets the checked value of a name that occurs twice.
        return replay_body(json.dumps(event).encode(), receive)

    def _recording(self, visitor: Visitor, send: Send) -> Send:
        """Return a `send` that records the paths of an upload before the visitor learns them."""
        status, reply = 0, bytearray()

        async def record(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status == 200 and len(reply) <= MAX_UPLOAD_REPLY_BYTES:
                reply.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    for path in json.loads(bytes(reply)):
                        self._uploads.add(visitor, path)
                        self._quota.add(visitor.owner, path)
            await send(message)

        return record


def accept_language(scope: Scope) -> str:
    """Return the Accept-Language header."""
    return Headers(scope=scope).get("accept-language", "")
