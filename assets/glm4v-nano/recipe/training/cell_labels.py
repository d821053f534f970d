"""Labels of every cell of a drawing: what covers it, where that is, and the characters inside."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from recipe.drawing.canvas import CELL, DOT, Drawing
from recipe.drawing.glyphs import CHARACTERS
from recipe.drawing.scenes import MAX_SHAPES
from recipe.vocabulary import COLOURS, DIRECTIONS, SHAPES

IGNORED = -100  # a label that is not to learn
DOTS = CELL // DOT  # the map of a cell is DOTS x DOTS
MIN_COVERAGE = 0.15  # the fraction from which on a cell shows an object
# A cell is divided into spots that are so narrow that two characters seldom have their centres in
# one. The grid of spots is shifted by half a spot, so that a character in the middle of a patch
# is in the middle of a spot.
SPOT_WIDTH, SPOT_HEIGHT = CELL // 4, CELL // 2
SPOTS = 8
EDGES = 4
RANKS = ("tallest", "shortest", "other")
# The classes of an object: fields of ObjectLabel with the names that each may have.
OBJECT_CLASSES: dict[str, tuple[str, ...]] = {
    "colour": tuple(COLOURS),
    "shape": tuple(SHAPES),
    "letter": tuple(CHARACTERS),
    "rank": RANKS,
    "direction": tuple(DIRECTIONS),
}


def cell_labels(drawing: Drawing) -> dict[str, Tensor]:
    """Return the labels of all cells, in the order in which the encoder merges patches.

    mask: [cells, DOTS * DOTS], 1 where an object is.
    centre: [cells, 2], the centre of the cell as fractions of the picture.
    Each of OBJECT_CLASSES: [cells], the class of the object that covers most of the cell.
    box: [cells, EDGES], the box of that object as fractions of the picture.
    tens, ones: [cells, EDGES], the digits of the box in hundredths.
    count: [cells], the number of objects in the picture.
    glyphs, glyph_positions: see `glyph_labels`.
    """
    dots = cell_dots(drawing.object_map)
    covered = (dots > 0).float()
    objects = [label for label, _ in drawing.objects]
    boxes = [box for _, box in drawing.objects]
    dots_per_object = functional.one_hot(dots, len(objects) + 1).sum(1)
    dots_per_object[:, 0] = 0
    # 1 + the index of the object that covers most of a cell, or 0.
    main = torch.where(covered.mean(1) > MIN_COVERAGE, dots_per_object.argmax(1), 0)
    has_object = main > 0
    labels = {"mask": covered, "centre": cell_centres(drawing)}
    for field, names in OBJECT_CLASSES.items():
        classes = [IGNORED]
        for label in objects:
            name = getattr(label, field)
            classes.append(names.index(name) if name else IGNORED)
        labels[field] = torch.tensor(classes)[main]
    labels["box"] = torch.tensor([(0.0,) * EDGES, *boxes])[main]
    hundredths = (100 * labels["box"].clamp(0, 1)).round().long()
    labels["tens"] = torch.where(has_object[:, None], hundredths // 10, IGNORED)
    labels["ones"] = torch.where(has_object[:, None], hundredths % 10, IGNORED)
    labels["count"] = torch.where(has_object, min(len(objects), MAX_SHAPES), IGNORED)
    labels["glyphs"], labels["glyph_positions"] = glyph_labels(drawing)
    return labels


def cell_dots(object_map: Any) -> Tensor:
    """Return the map of a drawing as [cells, DOTS * DOTS]."""
    rows, columns = object_map.height // DOTS, object_map.width // DOTS
    flat = torch.frombuffer(bytearray(object_map.tobytes()), dtype=torch.uint8).long()
    return flat.view(rows, DOTS, columns, DOTS).transpose(1, 2).reshape(rows * columns, DOTS * DOTS)


def glyph_labels(drawing: Drawing) -> tuple[Tensor, Tensor]:
    """Return two tensors [cells, SPOTS].

    The first has 1 + the index of the character whose centre is in a spot, or 0; the second that
    character's position in its word.
    """
    columns, rows = drawing.image.width // SPOT_WIDTH, drawing.image.height // SPOT_HEIGHT
    glyphs = torch.zeros(rows, columns, dtype=torch.long)
    positions = torch.full((rows, columns), IGNORED)
    for glyph in drawing.glyphs:
        row, column = int(glyph.y // SPOT_HEIGHT), int((glyph.x - SPOT_WIDTH / 2) // SPOT_WIDTH)
        if 0 <= row < rows and 0 <= column < columns:
            glyphs[row, column] = 1 + CHARACTERS.index(glyph.character)
            positions[row, column] = glyph.position or IGNORED
    down, across = CELL // SPOT_HEIGHT, CELL // SPOT_WIDTH

    def by_cell(spots: Tensor) -> Tensor:
        cells = spots.view(rows // down, down, columns // across, across)
        return cells.transpose(1, 2).reshape(-1, SPOTS)

    return by_cell(glyphs), by_cell(positions)


def cell_centres(drawing: Drawing) -> Tensor:
    """Return [cells, 2]: each centre from the left and from the top, as fractions."""
    columns, rows = (side // CELL for side in drawing.image.size)
    down, right = torch.meshgrid(
        (torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij"
    )
    return torch.stack([right, down], -1).view(-1, 2)
