"""Refusal: an HTTP error that ends a request before the page or the API sees it."""

from __future__ import annotations

from starlette.responses import JSONResponse

from webui.errors import WebUIError


class Refusal(WebUIError):
    """An error with an HTTP status, a code for programs, and the seconds until a retry."""

    def __init__(self, status: int, code: str, reason: str, *, retry_after_s: int = 0) -> None:
        self.status, self.code, self.retry_after_s = status, code, retry_after_s
        super().__init__(reason=reason)

    def response(self) -> JSONResponse:
        """Return the message where OpenAI's clients read it (`error`) and Gradio's (`detail`)."""
        error = {
            "message": str(self),
            "type": "invalid_request_error",
            "param": None,
            "code": self.code,
        }
        headers = {"Connection": "close"}
        if self.retry_after_s:
            headers["Retry-After"] = str(self.retry_after_s)
        return JSONResponse({"error": error, "detail": str(self)}, self.status, headers)
