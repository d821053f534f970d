"""Several processes that learn side by side: each from lessons of its own, all with the mean of their gradients."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed, nn
from torch.utils.data import Dataset

Item = TypeVar("Item", covariant=True)


@dataclass(frozen=True, slots=True)
class Learners:
    """This process is number `rank` of `count`."""

    rank: int = 0
    count: int = 1

    @classmethod
    def of_torchrun(cls) -> Learners:
        """As torchrun tells in the environment; one learner without it."""
        if "RANK" not in os.environ:
            return cls()
        distributed.init_process_group("gloo")
        return cls(distributed.get_rank(), distributed.get_world_size())

    def own(self, data: Dataset[Item]) -> Dataset[Item]:
        """The items of an endless dataset that this learner takes."""
        return _Own(data, self) if self.count > 1 else data

    def average(self, weights: Sequence[nn.Parameter]) -> None:
        """Gradients become their mean over the learners; a weight that nobody has a gradient for keeps none."""
        if self.count == 1:
            return
        known = torch.tensor([float(weight.grad is not None) for weight in weights])
        gradients = [
            torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights
        ]
        flat = torch.cat([known, *(gradient.flatten() for gradient in gradients)])
        distributed.all_reduce(flat)
        parts = flat.split([len(weights), *(weight.numel() for weight in weights)])
        for weight, found, part in zip(weights, parts[0].tolist(), parts[1:], strict=True):
            weight.grad = part.view_as(weight) / self.count if found else None

    def agree(self, value: float) -> float:
        """The mean of what each learner has."""
        if self.count == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64)
        distributed.all_reduce(shared)
        return shared.item() / self.count


class _Own(Dataset[Item]):
    def __init__(self, data: Dataset[Item], learners: Learners) -> None:
        self._data, self._learners = data, learners

    def __getitem__(self, step: int) -> Item:
        return self._data[step * self._learners.count + self._learners.rank]
