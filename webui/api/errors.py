"""HTTP errors below /v1 in the format that OpenAI's clients read: ours, and the web server's."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from webui.errors import (
    AttachmentError,
    ContextLengthError,
    InvalidFieldError,
    LoginError,
    ModelError,
    ModelLoadError,
    ModelNotReadyError,
    QueueFullError,
    RequestError,
    TooManyAttemptsError,
    UnsupportedFieldError,
    WebUIError,
)

# (error, HTTP status, type, code); the first entry that matches applies.
ERROR_STATUSES: tuple[tuple[type[WebUIError], int, str, str | None], ...] = (
    (LoginError, 401, "invalid_request_error", "invalid_api_key"),
    (TooManyAttemptsError, 429, "rate_limit_error", "too_many_attempts"),
    (ContextLengthError, 400, "invalid_request_error", "context_length_exceeded"),
    (QueueFullError, 429, "rate_limit_error", "queue_full"),
    (UnsupportedFieldError, 400, "invalid_request_error", "unsupported_field"),
    (InvalidFieldError, 400, "invalid_request_error", "invalid_value"),
    (AttachmentError, 400, "invalid_request_error", "invalid_image"),
    (RequestError, 400, "invalid_request_error", None),
    (ModelNotReadyError, 503, "server_error", "model_not_ready"),
    (ModelLoadError, 503, "server_error", "model_load_failed"),
    (ModelError, 500, "server_error", None),
)
PREFIX = "/v1"
ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
MAX_SHOWN_LENGTH = 60
# The manager retries a failed load at most this often. A model that is still loading may take
# longer; /health has its progress.
RETRY_LOADING_S = 5


class HTTPError(WebUIError):
    """An error that only HTTP has: a body too large, an unknown model or path.

    `param` names the field at fault, `allow` lists the methods that the path accepts.
    """

    def __init__(
        self, status: int, code: str, reason: str, *, param: str | None = None, allow: str = ""
    ) -> None:
        self.status, self.code, self.param, self.allow = status, code, param, allow
        super().__init__(reason=reason)


class ErrorRoute(APIRoute):
    """A route that turns WebUIError into a response in OpenAI's format."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_errors(request: Request) -> Response:
            try:
                return await handle(request)
            except WebUIError as error:
                return error_response(error)

        return handle_errors


def error_status(error: WebUIError) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the body for an error."""
    if isinstance(error, HTTPError):
        body = error_body(str(error), "invalid_request_error", error.code, error.param)
        return error.status, body
    param = error.params.get("field")
    for error_class, status, error_type, code in ERROR_STATUSES:
        if isinstance(error, error_class):
            param = None if param is None else str(param)
            return status, error_body(str(error), error_type, code, param)
    return 500, error_body(str(error), "server_error", None, None)


def error_body(
    message: str, error_type: str, code: str | None, param: str | None
) -> dict[str, Any]:
    return {"error": {"message": message, "type": error_type, "param": param, "code": code}}


def error_response(error: WebUIError, retry_after_s: int = 0) -> JSONResponse:
    """Return the response for an error; `retry_after_s` sets Retry-After, 0 if unknown."""
    status, body = error_status(error)
    headers = {"WWW-Authenticate": 'Basic realm="api"'} if status == 401 else {}
    if isinstance(error, TooManyAttemptsError):
        retry_after_s = int(str(error.params["wait_s"]))
    if status == 503:
        retry_after_s = retry_after_s or RETRY_LOADING_S
    if retry_after_s:
        headers["Retry-After"] = str(retry_after_s)
    if isinstance(error, HTTPError) and error.allow:
        headers["Allow"] = error.allow
    return JSONResponse(body, status, headers)


def add_error_handlers(app: FastAPI) -> None:
    """Give the server's own errors below /v1 the same format; other paths keep theirs."""

    async def http_exception(request: Request, error: HTTPException) -> Response:
        if not is_api_path(request):
            return await http_exception_handler(request, error)
        error_type = "server_error" if error.status_code >= 500 else "invalid_request_error"
        body = error_body(str(error.detail), error_type, None, None)
        return JSONResponse(body, error.status_code, error.headers)

    async def internal_error(request: Request, error: Exception) -> Response:
        if not is_api_path(request):
            return PlainTextResponse("Internal Server Error", 500)
        reason = (
            "The server failed on this request; its log tells why. Try again, or send another one."
        )
        return JSONResponse(error_body(reason, "server_error", "internal_error", None), 500)

    app.add_exception_handler(HTTPException, http_exception)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, internal_error)


def is_api_path(request: Request) -> bool:
    return request.url.path == PREFIX or request.url.path.startswith(f"{PREFIX}/")


def add_fallback_routes(router: APIRouter) -> None:
    """Answer unknown paths with 404 and wrong methods with 405; both name what exists.

    Call it after the last route has been added: these match whatever no other route does.
    """
    methods = {
        route.path: sorted(route.methods or ())
        for route in router.routes
        if isinstance(route, APIRoute)
    }
    known = " and ".join(f"{names[0]} {path}" for path, names in methods.items())

    async def refuse(request: Request) -> Response:
        path = request.url.path
        if path not in methods:
            reason = f"There is no {path[:MAX_SHOWN_LENGTH]!r} here. There is {known}."
            raise HTTPError(404, "not_found", reason)
        allow = ", ".join((*methods[path], "OPTIONS"))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": allow})
        reason = f"{path} does not take {request.method}; it takes {allow}."
        raise HTTPError(405, "method_not_allowed", reason, allow=allow)

    for path in ("", "/{path:path}"):
        router.add_api_route(path, refuse, methods=list(ALL_METHODS))
