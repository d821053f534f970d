"""The first part of the training: the vision tower alone learns to tell what covers each cell of a picture.

The recipe knows where it drew what, so that every cell teaches; the heads that ask are thrown away afterwards.
"""

from __future__ import annotations

from typing import Any

import torch
from canvas import DOT, UNIT, Drawing
from dice import Dice
from drawing import draw
from lettering import CHARACTERS
from phrases import COLOURS, SHAPES
from prints import PATCH, grid_sheet, print_sheet
from scenes import chart_scene, page_scene, scattered_scene, shapes_scene
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

Batch = dict[str, Tensor]

SHEETS, SCENES, CELLS = 14, 4, 40
DOTS = UNIT // DOT  # a cell's mask is DOTS x DOTS
COVERED = 0.15  # the share from which on a cell counts as covered
OPEN = -100  # the shape of an open cell is not asked for
EASY_STEPS = 500  # over which characters move out of the middle of their patches and sheets become lines
MOST_JITTER = PATCH / 2
LEAST_GRIDS = 0.2
PLACE_WEIGHT = 3.0
EMPTY_WEIGHT = 0.2  # most quarters of a cell hold no character


class Pictures(Dataset[Batch]):
    """Endless: item n is a batch of pictures with what each cell of them shows. They get harder with n."""

    def __init__(self, processor: Any, seed: int, easy_steps: int = EASY_STEPS) -> None:
        self._processor = processor.image_processor
        self._seed, self._easy_steps = seed, easy_steps

    def __getitem__(self, step: int) -> Batch:
        dice = Dice(f"tower {self._seed} {step}")
        share = min(step / self._easy_steps, 1.0) if self._easy_steps else 1.0
        drawn = [self._sheet(dice, share) for _ in range(SHEETS)] + [self._scene(dice) for _ in range(SCENES)]
        batch = dict(self._processor([drawing.image for drawing in drawn], return_tensors="pt"))
        colours, shapes = (
            torch.cat([dots(getattr(drawing, name)) for drawing in drawn]) for name in ("colours", "shapes")
        )
        covered = (shapes > 0).float()
        batch["mask"] = covered
        batch["colour"] = main_label(colours, covered, 0)
        batch["shape"] = main_label(shapes, covered, OPEN + 1) - 1
        batch["glyphs"] = torch.cat([glyph_labels(drawing) for drawing in drawn])
        batch["place"] = torch.cat([places(drawing) for drawing in drawn])
        return batch

    def _sheet(self, dice: Dice, share: float) -> Drawing:
        if dice.chance(1 - (1 - LEAST_GRIDS) * share):
            return grid_sheet(dice, CELLS, MOST_JITTER * share * (1.0 if share < 1 else dice.random()))
        return print_sheet(dice, CELLS)

    def _scene(self, dice: Dice) -> Drawing:
        make = dice.choice((shapes_scene, shapes_scene, scattered_scene, chart_scene, page_scene))
        return draw(make(dice), dice, CELLS)[1]


def dots(chart: Any) -> Tensor:
    """A map as [cells, DOTS * DOTS], cells row by row as the tower merges them."""
    rows, columns = chart.height // DOTS, chart.width // DOTS
    flat = torch.frombuffer(bytearray(chart.tobytes()), dtype=torch.uint8).long()
    return flat.view(rows, DOTS, columns, DOTS).transpose(1, 2).reshape(rows * columns, DOTS * DOTS)


def main_label(labels: Tensor, covered: Tensor, otherwise: int) -> Tensor:
    """The label that most covered dots of a cell have; `otherwise` for a cell that is not covered."""
    counts = functional.one_hot(labels, int(labels.max()) + 1)[..., 1:].sum(1)
    if not counts.shape[1]:
        return torch.full((len(labels),), otherwise)
    return torch.where(covered.mean(1) > COVERED, counts.argmax(1) + 1, otherwise)


def glyph_labels(drawing: Drawing) -> Tensor:
    """[cells, 4]: which character has its centre in each quarter of a cell, 0 for none."""
    columns, rows = (side // PATCH for side in drawing.image.size)
    labels = torch.zeros(rows, columns, dtype=torch.long)
    for glyph in drawing.glyphs:
        row, column = int(glyph.y // PATCH), int(glyph.x // PATCH)
        if 0 <= row < rows and 0 <= column < columns:
            labels[row, column] = 1 + CHARACTERS.index(glyph.character)
    return labels.view(rows // 2, 2, columns // 2, 2).transpose(1, 2).reshape(-1, 4)


def places(drawing: Drawing) -> Tensor:
    """[cells, 2]: where a cell's centre is, from the left and from the top, as shares of the picture."""
    columns, rows = (side // (2 * PATCH) for side in drawing.image.size)
    down, right = torch.meshgrid(
        (torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij"
    )
    return torch.stack([right, down], -1).view(-1, 2)


class Heads(nn.Module):
    """Linear questions to the features of the cells."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mask = nn.Linear(width, DOTS * DOTS)
        self.colour = nn.Linear(width, len(COLOURS) + 1)
        self.shape = nn.Linear(width, len(SHAPES))
        self.glyphs = nn.Linear(width, 4 * (len(CHARACTERS) + 1))
        self.place = nn.Linear(width, 2)

    def loss(self, features: Tensor, batch: Batch) -> tuple[Tensor, float]:
        """`features` [cells, width]. The loss, and the share of characters that are read."""
        cells = self.norm(features)
        asked = batch["glyphs"].view(-1)
        read = self.glyphs(cells).view(len(asked), -1)
        weights = torch.ones(read.shape[1], device=read.device)
        weights[0] = EMPTY_WEIGHT
        total = functional.cross_entropy(read, asked, weight=weights)
        total = total + functional.binary_cross_entropy_with_logits(self.mask(cells), batch["mask"])
        total = total + 0.3 * functional.cross_entropy(self.colour(cells), batch["colour"])
        total = total + 0.3 * functional.cross_entropy(self.shape(cells), batch["shape"], ignore_index=OPEN)
        total = total + PLACE_WEIGHT * functional.l1_loss(self.place(cells), batch["place"])
        right = (read.argmax(1) == asked)[asked > 0]
        return total, float(right.float().mean()) if len(right) else 0.0
