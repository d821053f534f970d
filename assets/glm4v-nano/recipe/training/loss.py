"""The loss of packed rows: each example is learned as if it were alone in its row."""

from __future__ import annotations

import torch
from torch.nn import functional
from transformers import Glm4vForConditionalGeneration

from recipe.training.dataset import IGNORED, Batch


def language_loss(model: Glm4vForConditionalGeneration, batch: Batch) -> torch.Tensor:
    """Return the mean loss of the tokens to learn. Takes labels, segments and shifts from `batch`.

    The output layer computes logits of those tokens only.
    """
    labels, segments, shifts = (batch.pop(name) for name in ("labels", "segments", "shifts"))
    batch["position_ids"] = rope_positions(model, batch) - shifts
    batch["attention_mask"] = segment_mask(segments)
    hidden = model.model(**batch, use_cache=False).last_hidden_state
    learned = labels[:, 1:] != IGNORED
    logits = model.lm_head(hidden[:, :-1][learned])
    return functional.cross_entropy(logits, labels[:, 1:][learned])


def rope_positions(model: Glm4vForConditionalGeneration, batch: Batch) -> torch.Tensor:
    """Return [3, rows, tokens]: time, row and column of each id, were each row one conversation."""
    grids = {name: batch[name] for name in ("image_grid_thw", "video_grid_thw") if name in batch}
    if grids:
        names = ("input_ids", "mm_token_type_ids", "attention_mask")
        return model.model.get_rope_index(**{name: batch[name] for name in names}, **grids)[0]
    rows, tokens = batch["input_ids"].shape
    return torch.arange(tokens, device=batch["input_ids"].device).expand(3, rows, tokens)


def segment_mask(segments: torch.Tensor) -> torch.Tensor:
    """Return [rows, 1, tokens, tokens]: whether one id sees another.

    An id sees itself and earlier ids, if they are shared or belong to its own segment.
    """
    viewer, viewed = segments[:, None, :, None], segments[:, None, None]
    tokens = segments.shape[1]
    causal = torch.ones(tokens, tokens, dtype=torch.bool, device=segments.device).tril()
    return causal & ((viewer == viewed) | (viewed == 0))
