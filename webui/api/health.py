"""/health: whether the model can answer, for whoever starts, restarts or balances this server."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from webui.protocol import ModelProvider, ModelState, ModelStatus

# Of several models the one that can answer soonest stands for all.
SOONEST: tuple[ModelState, ...] = ("ready", "loading", "unloaded", "failed")


def health_router(model: ModelProvider) -> APIRouter:
    """GET /health answers 200 while a request would be answered, 503 before the first model is ready and if none loads.

    An unloaded model is 200, and so is one that is being swapped in: both make a request wait, not fail, and whoever
    restarted the server for it would only make it wait longer.
    """
    router = APIRouter()

    @router.get("/health")
    async def health() -> JSONResponse:
        statuses = model.statuses()
        first = statuses[0]
        shown = (
            min(statuses, key=lambda status: SOONEST.index(status.state)) if first.served else first
        )
        answers = shown.state == "ready" or (shown.served and shown.state != "failed")
        several = [{"model": status.info.name, "state": status.state} for status in statuses]
        more = {"models": several} if len(several) > 1 else {}
        return JSONResponse(state(shown) | more, 200 if answers else 503)

    return router


def state(status: ModelStatus) -> dict[str, Any]:
    """What is known of the model; what is not known yet is left out."""
    progress = status.progress
    known = {
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
    return {name: value for name, value in known.items() if value}
