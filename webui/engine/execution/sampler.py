"""Logits and each row's sampling params to the next token ids, for all rows at once.

The order of the filters is that of transformers' generate: repetition penalty, temperature, top-k, top-p.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from random import Random

import torch
from torch import Tensor

from webui.protocol import SamplingParams


@dataclass(slots=True, eq=False)
class SamplerRow:
    """One sequence's params, its place in the sampler's memory, and its own random numbers.

    One number a token: the same seed gives the same text in any batch. A number counts as used once its
    token is there, so that a pass that failed and is made again draws the same one.
    """

    params: SamplingParams
    index: int
    random: Random
    number: float | None = None

    def peek(self) -> float:
        """The number for the next token, from 0 to below 1."""
        if self.number is None:
            self.number = self.random.random()
        return self.number

    def use(self) -> None:
        self.number = None


class Columns:
    """The params of a batch as tensors [rows, 1], made once for as long as the batch stays the same."""

    def __init__(self, rows: Sequence[SamplerRow], vocabulary: int, device: str) -> None:
        def column(
            value: Callable[[SamplingParams], float], dtype: torch.dtype = torch.float32
        ) -> Tensor:
            return torch.tensor([[value(row.params)] for row in rows], dtype=dtype, device=device)

        self.rows = list(rows)
        self.indices = torch.tensor([row.index for row in rows], device=device)
        self.penalised = any(row.params.repetition_penalty != 1.0 for row in rows)
        self.penalty = column(lambda params: params.repetition_penalty)
        self.all_greedy = all(row.params.temperature == 0 for row in rows)
        self.greedy = column(lambda params: params.temperature == 0, torch.bool)
        self.temperature = column(lambda params: max(params.temperature, 1e-5))
        self.limit = column(lambda params: _limit(params, vocabulary), torch.long)
        self.most = max(_limit(row.params, vocabulary) for row in rows)
        self.top_p = column(lambda params: params.top_p)


class Sampler:
    """Remembers which tokens each of up to `rows` sequences has seen: bool [rows, vocabulary]."""

    def __init__(self, rows: int, vocabulary: int, device: str) -> None:
        self._seen = torch.zeros(rows, vocabulary, dtype=torch.bool, device=device)
        self._free = list(range(rows))
        self._columns: Columns | None = None

    def add_row(self, params: SamplingParams, prompt_ids: Sequence[int]) -> SamplerRow:
        row = SamplerRow(params, self._free[-1], Random(params.seed))
        if params.repetition_penalty != 1.0:
            self._seen[row.index] = False
            self._seen[
                row.index, torch.tensor(prompt_ids, dtype=torch.long, device=self._seen.device)
            ] = True
        self._free.pop()
        return row

    def remove_row(self, row: SamplerRow) -> None:
        self._free.append(row.index)

    def sample(self, logits: Tensor, rows: Sequence[SamplerRow]) -> list[int | None]:
        """The next token of each row; logits [rows, vocabulary]. None for a row whose logits are not finite.

        If it raises, nothing has changed: it can be called again for all or some of the rows.
        """
        columns = self._columns
        if columns is None or columns.rows != rows:
            columns = self._columns = Columns(rows, self._seen.shape[1], str(self._seen.device))
        logits = logits.float()
        if columns.penalised:
            seen = self._seen[columns.indices]
            penalised = torch.where(logits < 0, logits * columns.penalty, logits / columns.penalty)
            logits = torch.where(seen, penalised, logits)
        largest, tokens = logits.max(-1, keepdim=True)
        if not columns.all_greedy:
            tokens = torch.where(columns.greedy, tokens, _drawn(logits, columns))
        sampled, scores = tokens[:, 0].tolist(), largest[:, 0].tolist()
        if columns.penalised:
            self._seen[columns.indices, tokens[:, 0]] = True
        for row in rows:
            row.use()
        # The largest is NaN if any of a row is, and infinite if any is so upwards or all are so downwards.
        return [
            token if isfinite(score) else None for token, score in zip(sampled, scores, strict=True)
        ]


def _limit(params: SamplingParams, vocabulary: int) -> int:
    """How many of the likeliest tokens are kept."""
    return min(params.top_k or vocabulary, vocabulary)


def _drawn(logits: Tensor, columns: Columns) -> Tensor:
    """One token a row by the inverse of its cumulated probabilities, [rows, 1]."""
    scores, ids = logits.topk(columns.most, dim=-1)
    ranks = torch.arange(scores.shape[-1], device=logits.device)
    # From the largest down, so that a low temperature makes none infinite.
    scores = (scores - scores[:, :1]) / columns.temperature
    probabilities = scores.masked_fill(ranks >= columns.limit, -torch.inf).softmax(-1)
    cumulated = probabilities.cumsum(-1)
    # A token stays while those before it hold less than top_p; the first always does.
    probabilities = probabilities.masked_fill(
        (cumulated - probabilities >= columns.top_p) & (ranks > 0), 0
    )
    cumulated = probabilities.cumsum(-1)
    draws = (
        torch.tensor([[row.peek()] for row in columns.rows], device=logits.device)
        * cumulated[:, -1:]
    )
    # Of a row that is not finite no probability is above 0; any of its tokens will do, as it is not used.
    last = ((probabilities > 0).sum(-1, keepdim=True) - 1).clamp(min=0)
    return ids.gather(-1, torch.minimum((cumulated <= draws).sum(-1, keepdim=True), last))
