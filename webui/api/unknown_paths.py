"""What below /v1 there is not: other paths are 404 and other methods 405, both naming what there is."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from webui.api.errors import PREFIX, HTTPError

ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
METHODS = {f"{PREFIX}/models": "GET, HEAD, OPTIONS", f"{PREFIX}/chat/completions": "POST, OPTIONS"}
LONGEST_SHOWN = 60


def add_unknown_paths(router: APIRouter) -> None:
    """To be called last: these routes take whatever no other took."""

    async def unknown(request: Request) -> Response:
        path = request.url.path
        allow = METHODS.get(path)
        if allow is None:
            known = " and ".join(
                f"{methods.partition(',')[0]} {name}" for name, methods in METHODS.items()
            )
            raise HTTPError(
                404, "not_found", f"There is no {path[:LONGEST_SHOWN]!r} here. There is {known}."
            )
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": allow})
        reason = f"{path} does not take {request.method}; it takes {allow}."
        raise HTTPError(405, "method_not_allowed", reason, allow=allow)

    for path in ("", "/{path:path}"):
        router.add_api_route(path, unknown, methods=list(ALL_METHODS))
