"""Errors as HTTP answers in the shape that OpenAI's clients read: ours, and those of the web server below /v1."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, PlainTextResponse
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

# (error, HTTP status, type, code); the first that fits is taken.
KINDS: tuple[tuple[type[WebUIError], int, str, str | None], ...] = (
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
# A model that could not be loaded is tried again at most this often. One that still loads may take longer: /health
# tells how far it is.
RETRY_LOADING_S = 5


class HTTPError(WebUIError):
    """What only the web knows: a wrong key, a body too large, an unknown model. Caught in the api room itself.

    `allow` names the methods of a path that knows others than the one asked for.
    """

    def __init__(
        self, status: int, code: str, reason: str, *, param: str | None = None, allow: str = ""
    ) -> None:
        self.status, self.code, self.param, self.allow = status, code, param, allow
        super().__init__(reason=reason)


def failure(error: WebUIError) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the body."""
    if isinstance(error, HTTPError):
        return error.status, error_body(
            str(error), "invalid_request_error", error.code, error.param
        )
    param = error.params.get("field")
    for kind, status, name, code in KINDS:
        if isinstance(error, kind):
            return status, error_body(str(error), name, code, None if param is None else str(param))
    return 500, error_body(str(error), "server_error", None, None)


def error_body(message: str, name: str, code: str | None, param: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": name, "param": param, "code": code}}


def failure_response(error: WebUIError, retry_after_s: int = 0) -> JSONResponse:
    """`retry_after_s`: when to try again, where that is known."""
    status, body = failure(error)
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


def add_failure_handlers(app: FastAPI) -> None:
    """What the server itself answers with an error, below /v1 in the same shape; other paths keep theirs."""

    async def refused(request: Request, error: HTTPException) -> Response:
        if not is_ours(request):
            return await http_exception_handler(request, error)
        kind = "server_error" if error.status_code >= 500 else "invalid_request_error"
        return JSONResponse(
            error_body(str(error.detail), kind, None, None), error.status_code, error.headers
        )

    async def failed(request: Request, error: Exception) -> Response:
        if not is_ours(request):
            return PlainTextResponse("Internal Server Error", 500)
        reason = (
            "The server failed on this request; its log tells why. Try again, or send another one."
        )
        return JSONResponse(error_body(reason, "server_error", "internal_error", None), 500)

    app.add_exception_handler(HTTPException, refused)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, failed)


def is_ours(request: Request) -> bool:
    return request.url.path == PREFIX or request.url.path.startswith(f"{PREFIX}/")
