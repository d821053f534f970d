"""/login and /logout: a form with name and password, and the cookie that remembers it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from webui.access.body import read_body
from webui.access.refusal import Refusal
from webui.access.visitors import Visitors, visitor_of
from webui.errors import AccessError, TooManyAttemptsError

MOST_FORM_BYTES = 16 * 1024
FORM = "application/x-www-form-urlencoded"
# From Accept-Language and what went wrong, if anything did, to the page.
SignInPage = Callable[[str, AccessError | None], str]


def sign_in_router(visitors: Visitors, page: SignInPage) -> APIRouter:
    router = APIRouter()

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        try:
            fields = await read_form(request)
        except Refusal as refusal:
            return refusal.response()
        try:
            visitor = visitors.log_in(
                visitor_of(request.scope), fields.get("username", ""), fields.get("password", "")
            )
        except AccessError as error:
            html = page(request.headers.get("accept-language", ""), error)
            if isinstance(error, TooManyAttemptsError):
                return HTMLResponse(html, 429, {"Retry-After": str(error.params["wait_s"])})
            return HTMLResponse(html, 401)
        # The gate reads the visitor from here when it writes the cookie.
        request.scope["state"]["visitor"] = visitor
        return RedirectResponse("./", 303)

    @router.get("/login")
    async def show() -> Response:
        return RedirectResponse("./", 303)

    @router.get("/logout")
    async def log_out(request: Request) -> Response:
        visitors.log_out(visitor_of(request.scope))
        return RedirectResponse("./", 303)

    return router


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form as browsers send it. Raises Refusal for anything else."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Refusal(415, "unsupported_media_type", f"Send name and password as {FORM}.")
    body = await read_body(request.receive, MOST_FORM_BYTES)
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
