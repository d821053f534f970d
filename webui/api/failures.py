"""Our errors as HTTP answers in the shape that OpenAI's clients read."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

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


class HTTPError(WebUIError):
    """What only the web knows: a wrong key, a body too large, an unknown model. Caught in the api room itself."""

    def __init__(self, status: int, code: str, reason: str, *, param: str | None = None) -> None:
        self.status, self.code, self.param = status, code, param
        super().__init__(reason=reason)


def failure(error: WebUIError) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the body."""
    if isinstance(error, HTTPError):
        return error.status, error_body(str(error), "invalid_request_error", error.code, error.param)
    param = error.params.get("field")
    for kind, status, name, code in KINDS:
        if isinstance(error, kind):
            return status, error_body(str(error), name, code, None if param is None else str(param))
    return 500, error_body(str(error), "server_error", None, None)


def error_body(message: str, name: str, code: str | None, param: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": name, "param": param, "code": code}}


def failure_response(error: WebUIError) -> JSONResponse:
    status, body = failure(error)
    headers = {"WWW-Authenticate": 'Basic realm="api"'} if status == 401 else {}
    return JSONResponse(body, status, headers)
