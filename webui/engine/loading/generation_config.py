"""The sampling that the authors of a checkpoint recommend, from its generation_config.json."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from webui.protocol import SAMPLING_RANGES, SamplingParams

logger = logging.getLogger(__name__)

# The fields that vLLM takes as defaults too (ModelConfig.get_diff_sampling_param). do_sample is
# ignored, because false is also its default, which says nothing about what the authors chose.
# max_new_tokens is ignored, because it often stands for an example and not for a recommendation.
FIELDS = ("temperature", "top_p", "top_k", "repetition_penalty")


def read_sampling(folder: Path, default: SamplingParams) -> SamplingParams:
    """Return `default` with the fields that the checkpoint in `folder` sets.

    Values out of their range, such as -1 for no top_k, are ignored with a warning. A file that is
    missing or damaged changes nothing; transformers reports a damaged one when it loads weights.
    """
    try:
        config: Any = json.loads((folder / "generation_config.json").read_bytes())
    except (OSError, ValueError):
        return default
    recommended: dict[str, Any] = {}
    for name in FIELDS:
        value = config.get(name) if isinstance(config, dict) else None
        if value is None:
            continue
        if value in SAMPLING_RANGES[name]:
            recommended[name] = value
        else:
            logger.warning("%s: generation_config.json sets %s to %r", folder, name, value)
    return replace(default, **recommended)
