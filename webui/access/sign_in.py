"""/login and /logout: a form with name and password, and the cookie of the logged-in browser."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from webui.access.body import read_body
from webui.access.refusal import Refusal
from webui.access.visitors import Visitors, visitor_of
from webui.errors import AccessError, TooManyAttemptsError

MAX_FORM_BYTES = 16 * 1024
FORM_TYPE = "application/x-www-form-urlencoded"
# Makes the HTML of the form from the Accept-Language header and the error of the last attempt.
SignInPage = Callable[[str, AccessError | None], str]


def sign_in_router(visitors: Visitors, page: SignInPage) -> APIRouter:
    router = APIRouter()

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        try:
            fields = await read_form(request)
        except Refusal as refusal:
            return refusal.response()
        name, password = fields.get("username", ""), fields.get("password", "")
        try:
            visitor = visitors.log_in(visitor_of(request.scope), name, password)
        except AccessError as error:
            html = page(request.headers.get("accept-language", ""), error)
            if isinstance(error, TooManyAttemptsError):
                return HTMLResponse(html, 429, {"Retry-After": str(error.params["wait_s"])})
            return HTMLResponse(html, 401)
        # The gate reads the visitor from here when it sets the cookie.
        request.scope["state"]["visitor"] = visitor
        return RedirectResponse("./", 303)

    @router.get("/login")
    async def redirect_to_page() -> Response:
        return RedirectResponse("./", 303)

    @router.get("/logout")
    async def log_out(request: Request) -> Response:
        visitor = visitors.log_out(visitor_of(request.scope))
        response = RedirectResponse("./", 303)
        if visitor.fresh:  # the gate sets no cookie in a redirect after GET
            response.headers.append("Set-Cookie", visitors.cookie(visitor, request.url.scheme))
            response.headers["Cache-Control"] = "no-store"
        return response

    return router


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of an HTML form. Raises Refusal for any other body."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != FORM_TYPE:
        reason = f"Send name and password as {FORM_TYPE}."
        raise Refusal(415, "unsupported_media_type", reason)
    body = await read_body(request.receive, MAX_FORM_BYTES)
    fields = parse_qs(body.decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}
