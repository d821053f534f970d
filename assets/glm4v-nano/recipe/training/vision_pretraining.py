"""Pretraining of the vision encoder: it learns to say what covers each cell of a picture.

The recipe knows what it drew where, so every cell has labels. The auxiliary heads that predict
them are not part of the checkpoint.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from recipe.drawing.canvas import Drawing
from recipe.drawing.character_sheets import PATCH, draw_grid_sheet, draw_text_sheet
from recipe.drawing.glyphs import CHARACTERS, MAX_WORD_LENGTH
from recipe.drawing.render import draw
from recipe.drawing.scenes import (
    MAX_SHAPES,
    chart_scene,
    headline_scene,
    random_direction,
    random_item,
    random_scene,
    shapes_scene,
    training_scattered_scene,
)
from recipe.drawing.video import draw_frames
from recipe.rng import Rng
from recipe.training.cell_labels import (
    DOTS,
    EDGES,
    IGNORED,
    OBJECT_CLASSES,
    SPOTS,
    cell_labels,
)

Batch = dict[str, Tensor]

SHEET_CELLS = 40
SHEETS = 12
FRAME_PAIRS = 5
SCENE_CHOICES = ((7, 40), (7, 40), (5, 56))  # (number of scenes, their largest size in cells)
# While the sheets get harder, their characters move out of the middle of patches, and grids
# become lines of text.
CURRICULUM_STEPS = 500
MAX_JITTER = PATCH / 2
MIN_GRID_FRACTION = 0.2
# Answers write the edges of a box in hundredths, as two digits. The encoder learns to name the
# digits, because a text model copies what it finds: where it had to calculate them, it would
# only learn their mean.
TENS, ONES = 11, 10
EMPTY_WEIGHT = 0.1  # of spots without a character, which are most of them
LOSS_WEIGHTS = {
    "mask": 1.0,
    "glyphs": 1.5,
    "glyph_positions": 0.5,
    "count": 0.5,
    "centre": 4.0,
    "box": 12.0,
    "tens": 0.6,
    "ones": 0.1,
    "colour": 0.3,
    "shape": 0.3,
    "letter": 0.5,
    "rank": 0.5,
    "direction": 0.5,
}


class VisionBatches(Dataset[Batch]):
    """An endless dataset: item n is a batch of pictures with the labels of their cells.

    The first `curriculum_steps` items get harder with n.
    """

    def __init__(self, processor: Any, seed: int, curriculum_steps: int = CURRICULUM_STEPS) -> None:
        self._image_processor = processor.image_processor
        self._video_processor = processor.video_processor
        self._seed, self._curriculum_steps = seed, curriculum_steps

    def __getitem__(self, step: int) -> Batch:
        rng = Rng(f"tower {self._seed} {step}")  # another prefix would draw other pictures
        difficulty = min(step / self._curriculum_steps, 1.0) if self._curriculum_steps else 1.0
        scene_count, max_cells = rng.choice(SCENE_CHOICES)
        drawings = [self._draw_sheet(rng, difficulty) for _ in range(SHEETS)]
        drawings += [self._draw_scene(rng, max_cells) for _ in range(scene_count)]
        frame_pairs = [self._draw_frame_pair(rng) for _ in range(FRAME_PAIRS)]
        pictures = self._image_processor(
            [drawing.image for drawing in drawings], return_tensors="pt"
        )
        videos = self._video_processor(
            videos=[[frame.image for frame in frames] for frames in frame_pairs],
            do_sample_frames=False,
            return_tensors="pt",
        )
        # The encoder takes a picture for two equal frames, so pictures and pairs fit in one batch.
        batch = {
            "pixel_values": torch.cat([pictures["pixel_values"], videos["pixel_values_videos"]]),
            "image_grid_thw": torch.cat([pictures["image_grid_thw"], videos["video_grid_thw"]]),
        }
        first_frames = [frames[0] for frames in frame_pairs]
        labels = [cell_labels(drawing) for drawing in (*drawings, *first_frames)]
        for name in labels[0]:
            batch[name] = torch.cat([picture_labels[name] for picture_labels in labels])
        return batch

    def _draw_sheet(self, rng: Rng, difficulty: float) -> Drawing:
        if not rng.chance(1 - (1 - MIN_GRID_FRACTION) * difficulty):
            return draw_text_sheet(rng, SHEET_CELLS)
        jitter = MAX_JITTER * difficulty * (1.0 if difficulty < 1 else rng.random())
        return draw_grid_sheet(rng, SHEET_CELLS, jitter)

    def _draw_frame_pair(self, rng: Rng) -> tuple[Drawing, Drawing]:
        """Draw two frames of a video that the encoder merges in time."""
        item, direction = random_item(rng), random_direction(rng)
        frames = draw_frames(item, direction, rng.choice((2, 4, 4, 8)), rng)
        first = 2 * rng.randrange(len(frames) // 2)
        return frames[first], frames[first + 1]

    def _draw_scene(self, rng: Rng, max_cells: int) -> Drawing:
        makers = (
            shapes_scene,
            training_scattered_scene,
            chart_scene,
            headline_scene,
            random_scene,
        )
        return draw(rng.choice(makers)(rng), rng, max_cells)[1]


class AuxiliaryHeads(nn.Module):
    """Linear heads that predict the labels of a cell from its features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        sizes = {name: len(classes) for name, classes in OBJECT_CLASSES.items()}
        sizes |= {
            "mask": DOTS * DOTS,
            "glyphs": SPOTS * (len(CHARACTERS) + 1),
            "glyph_positions": SPOTS * (MAX_WORD_LENGTH + 1),
            "count": MAX_SHAPES + 1,
            "centre": 2,
            "box": EDGES,
            "tens": EDGES * TENS,
            "ones": EDGES * ONES,
        }
        self.heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in sizes.items()})

    def loss(self, features: Tensor, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """Return the loss for `features` [cells, width], and a measurement of each head.

        A measurement is the fraction of right classes, or the mean error of `centre` and `box`.
        """
        cells = self.norm(features)
        outputs = {name: head(cells) for name, head in self.heads.items()}
        losses, measured = {}, {}
        losses["mask"] = functional.binary_cross_entropy_with_logits(outputs["mask"], batch["mask"])
        glyphs = batch["glyphs"].view(-1)
        glyph_logits = outputs["glyphs"].view(len(glyphs), -1)
        weights = torch.ones(len(CHARACTERS) + 1, device=cells.device)
        weights[0] = EMPTY_WEIGHT
        losses["glyphs"] = functional.cross_entropy(glyph_logits, glyphs, weight=weights)
        measured["glyphs"] = accuracy(glyph_logits[glyphs > 0], glyphs[glyphs > 0])
        for name in (*OBJECT_CLASSES, "count", "glyph_positions", "tens", "ones"):
            labels = batch[name].view(-1)
            known = labels != IGNORED
            if known.any():
                logits = outputs[name].view(len(labels), -1)[known]
                losses[name] = functional.cross_entropy(logits, labels[known])
                measured[name] = accuracy(logits, labels[known])
        losses["centre"] = functional.l1_loss(outputs["centre"], batch["centre"])
        measured["centre"] = float(losses["centre"].detach())
        has_object = batch["count"] != IGNORED
        if has_object.any():
            losses["box"] = functional.l1_loss(outputs["box"][has_object], batch["box"][has_object])
            measured["box"] = float(losses["box"].detach())
        total = features.new_zeros(())
        for name, loss in losses.items():
            total = total + LOSS_WEIGHTS[name] * loss
        return total, measured


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the fraction of labels with the highest logit; 0 if there are none."""
    return float((logits.argmax(1) == labels).float().mean()) if len(labels) else 0.0
