"""Logits and each row's sampling params to the next token ids, for all rows at once.

The order of the filters is that of transformers' generate: repetition penalty, temperature, top-k, top-p.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import torch
from torch import Tensor

from webui.protocol import SamplingParams


class SamplerRow:
    """What the sampler remembers of one sequence: its params, its own random numbers, the tokens it has seen."""

    def __init__(self, params: SamplingParams, prompt_ids: Sequence[int], vocabulary: int, device: str) -> None:
        self.params = params
        # One number of its own a token: the same seed gives the same text whoever shares the batch.
        self.random = Random(params.seed)
        self.seen: Tensor | None = None
        if params.repetition_penalty != 1.0:
            self.seen = torch.zeros(vocabulary, dtype=torch.bool, device=device)
            self.seen[torch.tensor(prompt_ids, dtype=torch.long, device=device)] = True


def sample(logits: Tensor, rows: Sequence[SamplerRow]) -> list[int]:
    """The next token of each row; logits [rows, vocabulary]."""
    logits = _penalised(logits.float(), rows)
    if all(row.params.temperature == 0 for row in rows):
        tokens = logits.argmax(-1)
    else:
        tokens = torch.where(_column(rows, "temperature", logits) == 0, logits.argmax(-1, True), _drawn(logits, rows))[
            :, 0
        ]
    for index, row in enumerate(rows):
        if row.seen is not None:
            row.seen[tokens[index]] = True
    return tokens.tolist()


def _column(rows: Sequence[SamplerRow], name: str, like: Tensor) -> Tensor:
    """One number of each row's params as [rows, 1]."""
    return torch.tensor([getattr(row.params, name) for row in rows], dtype=torch.float32, device=like.device)[:, None]


def _penalised(logits: Tensor, rows: Sequence[SamplerRow]) -> Tensor:
    if all(row.seen is None for row in rows):
        return logits
    none = torch.zeros(logits.shape[-1], dtype=torch.bool, device=logits.device)
    seen = torch.stack([none if row.seen is None else row.seen for row in rows])
    penalty = _column(rows, "repetition_penalty", logits)
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def _drawn(logits: Tensor, rows: Sequence[SamplerRow]) -> Tensor:
    """One token a row by the inverse of its cumulated probabilities, [rows, 1]."""
    logits = logits / _column(rows, "temperature", logits).clamp_min(1e-5)
    limits = [row.params.top_k or logits.shape[-1] for row in rows]
    scores, ids = logits.topk(min(max(limits), logits.shape[-1]), dim=-1)
    ranks = torch.arange(scores.shape[-1], device=logits.device)
    scores = scores.masked_fill(ranks >= torch.tensor(limits, device=logits.device)[:, None], -torch.inf)
    probabilities = scores.softmax(-1)
    cumulated = probabilities.cumsum(-1)
    # A token stays while those before it hold less than top_p; the first always does.
    probabilities = probabilities.masked_fill(
        (cumulated - probabilities >= _column(rows, "top_p", logits)) & (ranks > 0), 0
    )
    cumulated = probabilities.cumsum(-1)
    draws = torch.tensor([row.random.random() for row in rows], device=logits.device)[:, None] * cumulated[:, -1:]
    last = (probabilities > 0).sum(-1, keepdim=True) - 1
    return ids.gather(-1, torch.minimum((cumulated <= draws).sum(-1, keepdim=True), last))
