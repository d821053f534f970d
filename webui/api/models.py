"""Which models there are, as /v1/models lists them and as a request names one."""

from __future__ import annotations

from typing import Any

from webui.api.errors import HTTPError
from webui.errors import ModelNotReadyError
from webui.protocol import ModelInfo, ModelProvider, ModelStatus

LONGEST_SHOWN = 60


def find_model(name: str, model: ModelProvider) -> ModelStatus:
    """A client may say "default" for the first model, or any by its name or by a hub id that ends with its name.

    A model that is not loaded is loaded for the request, which waits. Until the first one has been ready there is
    ModelNotReadyError instead: a download may take an hour.
    """
    statuses = model.statuses()
    last = name.rsplit("/", 1)[-1]
    found = (
        [statuses[0]]
        if name == "default"
        else [status for status in statuses if status.info.name == last]
    )
    if not found:
        names = ", ".join(repr(status.info.name) for status in statuses)
        reason = f"The model {name[:LONGEST_SHOWN]!r} does not run here. Running: {names}, the first also as 'default'."
        raise HTTPError(404, "model_not_found", reason, param="model")
    if found[0].state == "loading" and not found[0].served:
        raise ModelNotReadyError(model=found[0].info.name)
    return found[0]


def card(info: ModelInfo) -> dict[str, Any]:
    return {
        "id": info.name,
        "object": "model",
        "created": 0,
        "owned_by": "local",
        "max_model_len": info.context_length,
    }
