"""The model families that the engine can run, by the model_type of their checkpoints."""

from __future__ import annotations

from collections.abc import Mapping

from webui.engine.models.family import ModelFamily
from webui.engine.models.glm4v.family import Glm4vFamily

Families = Mapping[str, ModelFamily]
FAMILIES: Families = {"glm4v": Glm4vFamily()}
