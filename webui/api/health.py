"""/health: whether the model can answer, for supervisors and load balancers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from webui import __version__
from webui.protocol import ModelProvider, ModelState, ModelStatus

# Of several models, the one in the first of these states is reported.
STATE_ORDER: tuple[ModelState, ...] = ("ready", "loading", "unloaded", "failed")


def health_router(provider: ModelProvider) -> APIRouter:
    """Return the route GET /health.

    It answers 200 while a request would be answered, and 503 before the first model is ready and if
    no model can be loaded. An unloaded model and a model swap are 200: requests wait for them, and
    a restart would only make them wait longer.
    """
    router = APIRouter()

    @router.get("/health")
    async def health() -> JSONResponse:
        statuses = provider.statuses()
        reported = reported_status(statuses)
        can_answer = reported.state == "ready" or (reported.served and reported.state != "failed")
        payload = {"version": __version__} | status_payload(reported)
        if len(statuses) > 1:
            payload["models"] = [
                {"model": status.info.name, "state": status.state} for status in statuses
            ]
        return JSONResponse(payload, 200 if can_answer else 503)

    return router


def reported_status(statuses: tuple[ModelStatus, ...]) -> ModelStatus:
    """Return the first model until one has been ready, then the one that can answer soonest."""
    if not statuses[0].served:
        return statuses[0]
    return min(statuses, key=lambda status: STATE_ORDER.index(status.state))


def status_payload(status: ModelStatus) -> dict[str, Any]:
    """Return the fields of the status that are known."""
    progress = status.progress
    fields = {
        "state": status.state,
        "model": status.info.name,
        "context_length": status.info.context_length,
        "device": status.device,
        "precision": status.precision,
        "slots": status.slots,
        "memory_bytes": status.memory_bytes,
        "progress": {"done": progress.done, "total": progress.total} if progress else None,
        "left_s": round(status.left_s),
        "reason": str(status.failure or ""),
        "notice": str(status.notice or ""),
    }
    return {name: value for name, value in fields.items() if value}
