"""The first part of the training: the vision tower alone learns to tell what covers each cell of a picture.

The recipe knows where it drew what, so that every cell teaches; the heads that ask are thrown away afterwards.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from recipe.dialogue.vocabulary import COLOURS, DIRECTIONS, SHAPES
from recipe.drawing.canvas import DOT, UNIT, Drawing
from recipe.drawing.glyphs import CHARACTERS, MOST_LETTERS
from recipe.drawing.patch_labels import PATCH, grid_sheet, print_sheet
from recipe.drawing.render import clip, draw
from recipe.drawing.scenes import (
    MOST_SHAPES,
    any_direction,
    any_scene,
    chart_scene,
    headline_scene,
    item,
    loosely_scattered,
    shapes_scene,
)
from recipe.rng import Dice

Batch = dict[str, Tensor]

CELLS = 40
SHEETS = 12
CLIPS = 5
SCENES = ((7, CELLS), (7, CELLS), (5, 56))  # so many pictures of at most so many cells
DOTS = UNIT // DOT  # a cell's map is DOTS x DOTS
COVERED = 0.15  # the share from which on a cell counts as covered
OPEN = -100  # a label that is not asked for
EASY_STEPS = (
    500  # over which characters move out of the middle of their patches and sheets become lines
)
MOST_JITTER = PATCH / 2
LEAST_GRIDS = 0.2
# A cell has spots so narrow that two characters seldom have their centres in one. They begin half a spot late, so that
# a character in the middle of a patch is in the middle of a spot.
SPOT_WIDTH, SPOT_HEIGHT = UNIT // 4, UNIT // 2
SPOTS = 8
EMPTY_WEIGHT = 0.1  # most of them hold no character
RANKS = ("tallest", "shortest", "other")
# What is asked of a cell's thing: its weight, and the names it chooses from.
ABOUT_THINGS: dict[str, tuple[float, tuple[str, ...]]] = {
    "colour": (0.3, tuple(COLOURS)),
    "shape": (0.3, tuple(SHAPES)),
    "letter": (0.5, tuple(CHARACTERS)),
    "rank": (0.5, RANKS),
    "moves": (0.5, tuple(DIRECTIONS)),
}
# Answers write the edges of a box in hundredths, as two digits that the tower names: a text model copies what is there,
# and would only guess at the middle of what it had to work out.
EDGES = 4
TENS, ONES = 11, 10
WEIGHTS = {
    "mask": 1.0,
    "glyphs": 1.5,
    "turns": 0.5,
    "number": 0.5,
    "place": 4.0,
    "box": 12.0,
    "tens": 0.6,
    "ones": 0.1,
}


class Pictures(Dataset[Batch]):
    """Endless: item n is a batch of pictures with what each cell of them shows. They get harder with n."""

    def __init__(self, processor: Any, seed: int, easy_steps: int = EASY_STEPS) -> None:
        self._images, self._videos = processor.image_processor, processor.video_processor
        self._seed, self._easy_steps = seed, easy_steps

    def __getitem__(self, step: int) -> Batch:
        dice = Dice(f"tower {self._seed} {step}")
        share = min(step / self._easy_steps, 1.0) if self._easy_steps else 1.0
        count, cells = dice.choice(SCENES)
        drawn = [self._sheet(dice, share) for _ in range(SHEETS)] + [
            self._scene(dice, cells) for _ in range(count)
        ]
        clips = [self._two_frames(dice) for _ in range(CLIPS)]
        seen = self._images([drawing.image for drawing in drawn], return_tensors="pt")
        pairs = [[frame.image for frame in frames] for frames in clips]
        moved = self._videos(videos=pairs, do_sample_frames=False, return_tensors="pt")
        # The tower takes every picture for two frames that are the same, so that both kinds fit into one batch.
        batch = {
            "pixel_values": torch.cat([seen["pixel_values"], moved["pixel_values_videos"]]),
            "image_grid_thw": torch.cat([seen["image_grid_thw"], moved["video_grid_thw"]]),
        }
        labels = [cell_labels(drawing) for drawing in (*drawn, *(first for first, _ in clips))]
        return batch | {name: torch.cat([each[name] for each in labels]) for name in labels[0]}

    def _sheet(self, dice: Dice, share: float) -> Drawing:
        if dice.chance(1 - (1 - LEAST_GRIDS) * share):
            return grid_sheet(
                dice, CELLS, MOST_JITTER * share * (1.0 if share < 1 else dice.random())
            )
        return print_sheet(dice, CELLS)

    def _two_frames(self, dice: Dice) -> tuple[Drawing, Drawing]:
        """Two frames of a clip that the tower looks at together."""
        frames = clip(item(dice), any_direction(dice), dice.choice((2, 4, 4, 8)), dice)
        first = 2 * dice.randrange(len(frames) // 2)
        return frames[first], frames[first + 1]

    def _scene(self, dice: Dice, cells: int) -> Drawing:
        make = dice.choice(
            (shapes_scene, loosely_scattered, chart_scene, headline_scene, any_scene)
        )
        return draw(make(dice), dice, cells)[1]


def cell_labels(drawing: Drawing) -> Batch:
    """What is asked of each cell, row by row as the tower merges them; OPEN where it is not asked."""
    dots = dots_of(drawing.map)
    covered = (dots > 0).float()
    marks, boxes = [mark for mark, _ in drawing.things], [box for _, box in drawing.things]
    dots_each = functional.one_hot(dots, len(marks) + 1).sum(1)
    dots_each[:, 0] = 0
    main = torch.where(covered.mean(1) > COVERED, dots_each.argmax(1), 0)
    labels = {"mask": covered, "place": places(drawing)}
    for name, (_, names) in ABOUT_THINGS.items():
        told = [getattr(mark, name) for mark in marks]
        labels[name] = torch.tensor(
            [OPEN, *(names.index(each) if each else OPEN for each in told)]
        )[main]
    labels["box"] = torch.tensor([(0.0,) * EDGES, *boxes])[main]
    hundredths = (100 * labels["box"].clamp(0, 1)).round().long()
    known = (main > 0)[:, None]
    labels["tens"] = torch.where(known, hundredths // 10, OPEN)
    labels["ones"] = torch.where(known, hundredths % 10, OPEN)
    labels["number"] = torch.where(main > 0, min(len(marks), MOST_SHAPES), OPEN)
    labels["glyphs"], labels["turns"] = glyph_labels(drawing)
    return labels


def dots_of(chart: Any) -> Tensor:
    """A map as [cells, DOTS * DOTS]."""
    rows, columns = chart.height // DOTS, chart.width // DOTS
    flat = torch.frombuffer(bytearray(chart.tobytes()), dtype=torch.uint8).long()
    return flat.view(rows, DOTS, columns, DOTS).transpose(1, 2).reshape(rows * columns, DOTS * DOTS)


def glyph_labels(drawing: Drawing) -> tuple[Tensor, Tensor]:
    """Two of [cells, SPOTS]: which character has its centre in each spot, 0 for none; its turn in its word."""
    columns, rows = drawing.image.width // SPOT_WIDTH, drawing.image.height // SPOT_HEIGHT
    glyphs, turns = torch.zeros(rows, columns, dtype=torch.long), torch.full((rows, columns), OPEN)
    for glyph in drawing.glyphs:
        row, column = int(glyph.y // SPOT_HEIGHT), int((glyph.x - SPOT_WIDTH / 2) // SPOT_WIDTH)
        if 0 <= row < rows and 0 <= column < columns:
            glyphs[row, column] = 1 + CHARACTERS.index(glyph.character)
            turns[row, column] = glyph.number or OPEN
    down, across = UNIT // SPOT_HEIGHT, UNIT // SPOT_WIDTH
    cells = (rows // down, down, columns // across, across)
    glyphs, turns = (
        each.view(cells).transpose(1, 2).reshape(-1, SPOTS) for each in (glyphs, turns)
    )
    return glyphs, turns


def places(drawing: Drawing) -> Tensor:
    """[cells, 2]: where a cell's centre is, from the left and from the top, as shares of the picture."""
    columns, rows = (side // UNIT for side in drawing.image.size)
    down, right = torch.meshgrid(
        (torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij"
    )
    return torch.stack([right, down], -1).view(-1, 2)


class Heads(nn.Module):
    """Linear questions to the features of the cells."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        sizes = {name: len(names) for name, (_, names) in ABOUT_THINGS.items()}
        sizes |= {
            "mask": DOTS * DOTS,
            "glyphs": SPOTS * (len(CHARACTERS) + 1),
            "turns": SPOTS * (MOST_LETTERS + 1),
        }
        sizes |= {
            "number": MOST_SHAPES + 1,
            "place": 2,
            "box": EDGES,
            "tens": EDGES * TENS,
            "ones": EDGES * ONES,
        }
        self.heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in sizes.items()})

    def loss(self, features: Tensor, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """`features` [cells, width]. The loss, and of each question the share that is right, or how far off it is."""
        cells = self.norm(features)
        told = {name: head(cells) for name, head in self.heads.items()}
        losses, found = {}, {}
        losses["mask"] = functional.binary_cross_entropy_with_logits(told["mask"], batch["mask"])
        weights = torch.ones(len(CHARACTERS) + 1, device=cells.device)
        weights[0] = EMPTY_WEIGHT
        asked, read = batch["glyphs"].view(-1), told["glyphs"].view(batch["glyphs"].numel(), -1)
        losses["glyphs"] = functional.cross_entropy(read, asked, weight=weights)
        found["read"] = share_right(read[asked > 0], asked[asked > 0])
        choices = {name: (told[name], batch[name]) for name in (*ABOUT_THINGS, "number")}
        for name in ("turns", "tens", "ones"):
            choices[name] = told[name].view(batch[name].numel(), -1), batch[name].view(-1)
        for name, (scores, labels) in choices.items():
            known = labels != OPEN
            if known.any():
                losses[name] = functional.cross_entropy(scores[known], labels[known])
                found[name] = share_right(scores[known], labels[known])
        things = batch["number"] != OPEN
        for name, known in (("place", slice(None)), ("box", things)):
            if name == "place" or things.any():
                losses[name] = functional.l1_loss(told[name][known], batch[name][known])
                found[name] = float(losses[name].detach())
        weights_of = WEIGHTS | {name: weight for name, (weight, _) in ABOUT_THINGS.items()}
        return sum(weights_of[name] * loss for name, loss in losses.items()), found


def share_right(scores: Tensor, labels: Tensor) -> float:
    return float((scores.argmax(1) == labels).float().mean()) if len(labels) else 0.0
