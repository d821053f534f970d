"""/health: whether the model can answer, for whoever starts, restarts or balances this server."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from webui.protocol import Model, ModelStatus


def health_router(model: Model) -> APIRouter:
    """GET /health answers 200 once the model is ready, 503 with the same state before and if loading failed."""
    router = APIRouter()

    @router.get("/health")
    async def health() -> JSONResponse:
        status = model.status()
        return JSONResponse(state(status), 200 if status.state == "ready" else 503)

    return router


def state(status: ModelStatus) -> dict[str, Any]:
    """What is known of the model; what is not known yet is left out."""
    progress = status.progress
    known = {
        "state": status.state,
        "model": status.info.name,
        "context_length": status.info.context_length,
        "device": status.device,
        "memory_bytes": status.memory_bytes,
        "progress": {"done": progress.done, "total": progress.total} if progress else None,
        "reason": status.reason,
        "notice": status.notice,
    }
    return {name: value for name, value in known.items() if value}
