"""The first part of the training: the vision tower alone learns to tell what covers each cell of a picture.

The recipe knows where it drew what, so that every cell teaches; the heads that ask are thrown away afterwards.
"""

from __future__ import annotations

from random import Random
from typing import Any

import torch
from batches import Batch
from drawing import UNIT, Drawing, picture, sight
from phrases import COLOURS, SHAPES
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

PICTURES = 16
COVERED = 0.15  # the share from which on a cell counts as covered
OPEN = -100  # the shape of an open cell is not asked for
KINDS = ("shapes", "text", "blank", "other")
DOTS = UNIT // 4  # a cell's mask is DOTS x DOTS
CELL_HEADS = {"colour": len(COLOURS) + 1, "shape": len(SHAPES)}
PICTURE_HEADS = {"main shape": len(SHAPES) + 1, "count": 5, "kind": len(KINDS), "ground": 2}


class Pictures(Dataset[Batch]):
    """Endless: item n is a batch of pictures with what each cell and each picture shows."""

    def __init__(self, processor: Any, seed: int) -> None:
        self._processor = processor.image_processor
        self._seed = seed

    def __getitem__(self, step: int) -> Batch:
        random = Random(f"tower {self._seed} {step}")
        drawn = []
        for number in range(PICTURES):
            page = number % 3 == 0
            drawn.append(picture(sight(random, page), random, page))
        batch = dict(self._processor([drawing.image for drawing in drawn], return_tensors="pt"))
        masks = [cell_masks(drawing) for drawing in drawn]
        batch["mask"] = torch.cat(masks)
        for name in CELL_HEADS:
            labels = [cell_labels(name, *pair) for pair in zip(drawn, masks, strict=True)]
            batch[name] = torch.cat(labels)
        for name in PICTURE_HEADS:
            batch[name] = torch.tensor([picture_label(name, drawing) for drawing in drawn])
        return batch


def cell_masks(drawing: Drawing) -> Tensor:
    """[cells, DOTS * DOTS], 1 where a shape is, cells row by row as the tower merges them."""
    rows, columns = drawing.mask.height // DOTS, drawing.mask.width // DOTS
    dots = torch.frombuffer(bytearray(drawing.mask.tobytes()), dtype=torch.uint8).float() / 255
    return dots.view(rows, DOTS, columns, DOTS).transpose(1, 2).reshape(rows * columns, DOTS * DOTS)


def cell_labels(name: str, drawing: Drawing, masks: Tensor) -> Tensor:
    """The number of the colour or shape in each cell; an open one is 0 for colour, OPEN for shape."""
    shown, covered = drawing.sight, masks.mean(1) > COVERED
    if name == "colour":
        return covered * (1 + list(COLOURS).index(shown.colour) if shown.kind == "shapes" else 0)
    shape = list(SHAPES).index(shown.shape) if shown.kind == "shapes" else OPEN
    return torch.where(covered, shape, OPEN)


def picture_label(name: str, drawing: Drawing) -> int:
    shown = drawing.sight
    if name == "main shape":
        return 1 + list(SHAPES).index(shown.shape) if shown.kind == "shapes" else 0
    if name == "count":
        return shown.count if shown.kind == "shapes" else 0
    return KINDS.index(shown.kind) if name == "kind" else int(shown.ground == "dark")


class Heads(nn.Module):
    """Linear questions to the features of the cells, and to their mean over a picture."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mask = nn.Linear(width, DOTS * DOTS)
        self.cell = nn.ModuleDict({name: nn.Linear(width, classes) for name, classes in CELL_HEADS.items()})
        self.picture = nn.ModuleDict({name: nn.Linear(width, classes) for name, classes in PICTURE_HEADS.items()})

    def loss(self, features: tuple[Tensor, ...], batch: Batch) -> Tensor:
        """`features`: [cells, width] of each picture."""
        cells = self.norm(torch.cat(features))
        means = torch.stack([part.mean(0) for part in cells.split([len(part) for part in features])])
        total = functional.binary_cross_entropy_with_logits(self.mask(cells), batch["mask"])
        for name, head in self.cell.items():
            total = total + 0.5 * functional.cross_entropy(head(cells), batch[name], ignore_index=OPEN)
        for name, head in self.picture.items():
            total = total + 0.25 * functional.cross_entropy(head(means), batch[name])
        return total
