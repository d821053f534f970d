"""Labels of cells in vision pretraining."""

import pytest
import torch
from recipe.drawing.canvas import Canvas, ObjectLabel
from recipe.drawing.glyphs import CHARACTERS, TextStyle
from recipe.rng import Rng
from recipe.training.cell_labels import IGNORED, OBJECT_CLASSES, cell_labels
from recipe.training.vision_pretraining import VisionBatches


def test_a_cell_has_the_labels_of_the_object_that_covers_it():
    canvas = Canvas((112, 84), (255, 255, 255))
    corners = [(28, 28), (56, 28), (56, 56), (28, 56)]
    canvas.draw_object(corners, (255, 0, 0), ObjectLabel("red", "square"))
    labels = cell_labels(canvas.finish(Rng("cell")))
    [cell] = torch.nonzero(labels["count"] != IGNORED).flatten().tolist()
    assert cell == 5  # in the second row of four
    classes = {
        field: names[labels[field][cell]]
        for field, names in OBJECT_CLASSES.items()
        if labels[field][cell] != IGNORED
    }
    assert classes == {"colour": "red", "shape": "square"}
    assert labels["box"][cell].tolist() == pytest.approx([1 / 4, 1 / 3, 1 / 2, 2 / 3])
    # 25, 33, 50 and 67 hundredths.
    assert labels["tens"][cell].tolist() == [2, 3, 5, 6]
    assert labels["ones"][cell].tolist() == [5, 3, 0, 7]
    assert labels["mask"][cell].mean() > 0.8
    assert labels["centre"][cell].tolist() == pytest.approx([3 / 8, 1 / 2])


def test_characters_have_their_position_in_the_word():
    canvas = Canvas((140, 56), (255, 255, 255))
    canvas.write((10, 10), "AB7", TextStyle("cobo", 30), (0, 0, 0))
    canvas.write((100, 10), "Z", TextStyle("cobo", 30), (0, 0, 0))
    labels = cell_labels(canvas.finish(Rng("turn")))
    spots = zip(
        labels["glyphs"].flatten().tolist(),
        labels["glyph_positions"].flatten().tolist(),
        strict=True,
    )
    positions = {CHARACTERS[glyph - 1]: position for glyph, position in spots if glyph}
    assert positions == {"A": 1, "B": 2, "7": 3, "Z": IGNORED}


def test_a_seed_makes_the_same_vision_batch(recipe_processor):
    first, second = (VisionBatches(recipe_processor, 3)[700] for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
