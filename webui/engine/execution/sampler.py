"""Logits and sampling params to the next token ids, for all rows of a batch at once.

The order of the filters is that of transformers' generate: repetition penalty, temperature, top-k,
top-p.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from random import Random

import torch
from torch import Tensor

from webui.engine.serving.runner_protocol import SamplerOutput
from webui.protocol import SamplingParams

MIN_TEMPERATURE = 1e-5


@dataclass(slots=True, eq=False)
class SamplerRow:
    """The params of one sequence, its row in the sampler's token table, and its random numbers.

    Each token uses one random number, so that a seed gives the same text in any batch. A number
    counts as used once its token exists: a pass that failed and runs again draws the same one.
    """

    params: SamplingParams
    index: int
    random: Random
    number: float | None = None

    def peek_number(self) -> float:
        """Return the random number for the next token, in [0, 1)."""
        if self.number is None:
            self.number = self.random.random()
        return self.number

    def consume_number(self) -> None:
        self.number = None


class SamplingTensors:
    """The params of a batch as tensors [rows, 1], reused for as long as the batch stays the same.

    Building them costs several copies to the device, too much for every step.
    """

    def __init__(self, rows: Sequence[SamplerRow], vocabulary: int, device: str) -> None:
        def column(
            value: Callable[[SamplingParams], float], dtype: torch.dtype = torch.float32
        ) -> Tensor:
            return torch.tensor([[value(row.params)] for row in rows], dtype=dtype, device=device)

        self.rows = list(rows)
        self.indices = torch.tensor([row.index for row in rows], device=device)
        self.any_penalty = any(row.params.repetition_penalty != 1.0 for row in rows)
        self.penalty = column(lambda params: params.repetition_penalty)
        self.all_greedy = all(row.params.temperature == 0 for row in rows)
        self.greedy = column(lambda params: params.temperature == 0, torch.bool)
        self.temperature = column(lambda params: max(params.temperature, MIN_TEMPERATURE))
        self.top_k = column(lambda params: effective_top_k(params, vocabulary), torch.long)
        self.max_top_k = max(effective_top_k(row.params, vocabulary) for row in rows)
        self.top_p = column(lambda params: params.top_p)


class Sampler:
    """Samples tokens for up to `rows` sequences.

    For the repetition penalty it keeps the tokens that each sequence has seen: bool
    [rows, vocabulary].
    """

    def __init__(self, rows: int, vocabulary: int, device: str) -> None:
        self._seen = torch.zeros(rows, vocabulary, dtype=torch.bool, device=device)
        self._free_rows = list(range(rows))
        self._tensors: SamplingTensors | None = None

    def add_row(self, params: SamplingParams, prompt_ids: Sequence[int]) -> SamplerRow:
        row = SamplerRow(params, self._free_rows[-1], Random(params.seed))
        if params.repetition_penalty != 1.0:
            ids = torch.tensor(prompt_ids, dtype=torch.long, device=self._seen.device)
            self._seen[row.index] = False
            self._seen[row.index, ids] = True
        # Last, so that a device error above leaves the row free.
        self._free_rows.pop()
        return row

    def remove_row(self, row: SamplerRow) -> None:
        self._free_rows.append(row.index)

    def sample(self, logits: Tensor, rows: Sequence[SamplerRow]) -> list[SamplerOutput]:
        """Sample the next token of each row.

        `logits` is [rows, vocabulary]. A call that raises changes nothing, so it can be repeated
        for all or some of the rows.
        """
        tensors = self._tensors
        if tensors is None or tensors.rows != rows:
            vocabulary, device = self._seen.shape[1], str(self._seen.device)
            tensors = self._tensors = SamplingTensors(rows, vocabulary, device)
        logits = logits.float()
        if tensors.any_penalty:
            # A penalty above 1 makes seen tokens less likely, whatever the sign of their logit.
            seen = self._seen[tensors.indices]
            penalised = torch.where(logits < 0, logits * tensors.penalty, logits / tensors.penalty)
            logits = torch.where(seen, penalised, logits)
        largest, tokens = logits.max(-1, keepdim=True)
        if not tensors.all_greedy:
            sampled = sample_top_k_top_p(logits, tensors)
            tokens = torch.where(tensors.greedy, tokens, sampled)
        # Copies to the host wait for the device, and raise what failed there. Nothing that a
        # repeated call depends on may change before.
        ids, scores = tokens[:, 0].tolist(), largest[:, 0].tolist()
        if tensors.any_penalty:
            self._seen[tensors.indices, tokens[:, 0]] = True
        for row in rows:
            row.consume_number()
        # The maximum of a row shows whether all of it is finite: it is NaN if any logit is NaN,
        # infinite if one is positive infinity, and negative infinity only if all are. Single
        # logits of negative infinity are legitimate: they forbid a token.
        return [
            SamplerOutput(token if isfinite(score) else None)
            for token, score in zip(ids, scores, strict=True)
        ]


def effective_top_k(params: SamplingParams, vocabulary: int) -> int:
    """Return how many of the likeliest tokens stay; a top_k of 0 keeps the whole vocabulary."""
    return min(params.top_k or vocabulary, vocabulary)


def sample_top_k_top_p(logits: Tensor, tensors: SamplingTensors) -> Tensor:
    """Return one sampled token per row [rows, 1], by inverse transform sampling.

    The random number of a row picks the token at which the cumulated probability passes it. The
    numbers come from the host, one generator per sequence, so that neighbours have no influence;
    torch.multinomial would draw from one generator for the whole batch.
    """
    # Sorted, likeliest first, and no more columns than the largest top-k of the batch.
    scores, ids = logits.topk(tensors.max_top_k, dim=-1)
    ranks = torch.arange(scores.shape[-1], device=logits.device)
    # Relative to the largest logit: a low temperature would overflow absolute ones.
    scores = (scores - scores[:, :1]) / tensors.temperature
    probabilities = scores.masked_fill(ranks >= tensors.top_k, -torch.inf).softmax(-1)
    cumulated = probabilities.cumsum(-1)
    # A token stays while those before it hold less than top_p; the first one always stays.
    probabilities = probabilities.masked_fill(
        (cumulated - probabilities >= tensors.top_p) & (ranks > 0), 0
    )
    cumulated = probabilities.cumsum(-1)
    numbers = torch.tensor([[row.peek_number()] for row in tensors.rows], device=logits.device)
    # Scaling the number instead of the probabilities saves the division that would normalise them.
    targets = numbers * cumulated[:, -1:]
    # Rounding may put the target at the total; the last token with a probability is the limit. A
    # row that is not finite has none: the clamp keeps the index valid, its token is not used.
    last = ((probabilities > 0).sum(-1, keepdim=True) - 1).clamp(min=0)
    chosen = (cumulated <= targets).sum(-1, keepdim=True)
    return ids.gather(-1, torch.minimum(chosen, last))
