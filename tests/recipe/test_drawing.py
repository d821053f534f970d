"""Drawings show what their scenes say: headlines whole, objects apart and near their places."""

import pytest
from recipe.drawing import render
from recipe.drawing.layout import name_place, random_row
from recipe.drawing.render import draw
from recipe.drawing.scenes import PLACE_CENTRES, chart_scene, headline_scene, scattered_scene
from recipe.rng import Rng

CELL = 28


def test_every_headline_is_whole_in_its_picture():
    rng = Rng("headlines")
    for _ in range(100):
        cells = rng.choice((16, 24, 40, 64))
        scene, drawing = draw(headline_scene(rng), rng, cells)
        width, height = drawing.image.size
        assert "".join(glyph.character for glyph in drawing.glyphs) == scene.headline
        assert all(2 < glyph.x < width - 2 and 2 < glyph.y < height - 2 for glyph in drawing.glyphs)
        assert width * height <= cells * CELL * CELL


def test_a_scene_has_lines_only_where_small_print_was_drawn(monkeypatch):
    calls = []
    monkeypatch.setattr(render, "draw_small_print", lambda *_: calls.append(True))
    rng, expected = Rng("print"), 0
    for _ in range(60):
        scene, _ = draw(headline_scene(rng), rng, 24)
        expected += scene.lines
        assert len(calls) == expected
    assert 0 < expected < 60


def test_objects_are_ordered_by_place():
    rng, order = Rng("order"), list(PLACE_CENTRES)
    for _ in range(50):
        places = [order.index(item.place) for item in scattered_scene(rng).items]
        assert places == sorted(places)


def test_loose_objects_do_not_touch_and_are_near_their_places():
    rng, sizes = Rng("loose"), set()
    for _ in range(60):
        items = draw(scattered_scene(rng, loose_fraction=1.0), rng)[0].items
        for index, item in enumerate(items):
            assert name_place(item.box) in (item.place, "")
            sizes.add((item.box[2] - item.box[0]) // 100)
            # Boxes may overlap a little where the outlines of objects leave their corners free.
            assert all(gap_between(item.box, other.box) > -60 for other in items[:index])
    assert {1, 2, 3} <= sizes


def gap_between(first, second):
    """Return the distance of two boxes along the axis on which they are further apart."""
    left, top, right, bottom = first
    return max(left - second[2], second[0] - right, top - second[3], second[1] - bottom)


@pytest.mark.parametrize("count", [2, 3, 6])
@pytest.mark.parametrize("region", [(2.0, 2.0, 222.0, 110.0), (2.0, 2.0, 110.0, 222.0)])
def test_objects_in_a_row_are_equal_and_inside(count, region):
    row = random_row(count, "square", region, Rng(f"row {count} {region}"))
    assert len(row) == count
    assert len({(placement.radius, placement.rotation) for placement in row}) == 1
    assert 1 in (len({placement.x for placement in row}), len({placement.y for placement in row}))
    for placement in row:
        assert (
            region[0]
            <= placement.x - placement.radius
            <= placement.x + placement.radius
            <= region[2]
        )
        assert (
            region[1]
            <= placement.y - placement.radius
            <= placement.y + placement.radius
            <= region[3]
        )


def test_the_tallest_and_the_shortest_bar_differ_from_the_next():
    rng = Rng("bars")
    for _ in range(100):
        low, *_, high = heights = sorted(bar.height for bar in chart_scene(rng).bars)
        assert min(heights[1] - low, high - heights[-2]) > 0.15
