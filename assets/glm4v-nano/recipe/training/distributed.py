"""Data-parallel training: each process has its own batches, all share the mean of the gradients."""

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
class DataParallel:
    """The place of this process among those that train together."""

    rank: int = 0
    world_size: int = 1

    @classmethod
    def from_torchrun(cls) -> DataParallel:
        """Join the group that torchrun's environment variables describe, if there are any."""
        if "RANK" not in os.environ:
            return cls()
        distributed.init_process_group("gloo")
        return cls(distributed.get_rank(), distributed.get_world_size())

    def shard(self, data: Dataset[Item]) -> Dataset[Item]:
        """Return the items of an endless dataset that belong to this process."""
        return _Shard(data, self) if self.world_size > 1 else data

    def average_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Replace each gradient by its mean over the processes.

        A process without a gradient for a weight counts as 0. A weight for which no process has a
        gradient keeps none, so that optimizers go on skipping it.
        """
        if self.world_size == 1:
            return
        present = torch.tensor([float(weight.grad is not None) for weight in weights])
        gradients = [
            torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights
        ]
        # One message for all of them, with the flags in front.
        flat = torch.cat([present, *(gradient.flatten() for gradient in gradients)])
        distributed.all_reduce(flat)
        parts = flat.split([len(weights), *(weight.numel() for weight in weights)])
        for weight, holders, part in zip(weights, parts[0].tolist(), parts[1:], strict=True):
            weight.grad = part.view_as(weight) / self.world_size if holders else None

    def mean(self, value: float) -> float:
        """Return the mean of `value` over the processes."""
        if self.world_size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        distributed.all_reduce(total)
        return total.item() / self.world_size


class _Shard(Dataset[Item]):
    def __init__(self, data: Dataset[Item], group: DataParallel) -> None:
        self._data, self._group = data, group

    def __getitem__(self, index: int) -> Item:
        return self._data[index * self._group.world_size + self._group.rank]
