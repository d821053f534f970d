"""Scores of answers."""

import pytest
from recipe.metrics import edit_distance, extract_answer, intersection_over_union


def test_an_answer_counts_only_in_its_format():
    assert extract_answer("<think>I see.</think><answer>Red.</answer><|user|>") == "Red."
    for text in (
        "<think>I see.</think><answer>Red.</answer>",
        "<answer>Red.</answer><|user|>",
        "<think>I see.</think><answer>Red.<think></answer><|user|>",
    ):
        assert extract_answer(text) == ""


@pytest.mark.parametrize(
    ("left", "right", "distance"), [("", "AB", 2), ("KITTEN", "SITTING", 3), ("A1", "A1", 0)]
)
def test_edit_distance(left, right, distance):
    assert edit_distance(left, right) == edit_distance(right, left) == distance


def test_intersection_over_union():
    assert intersection_over_union((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert intersection_over_union((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert intersection_over_union((0, 0, 10, 10), (20, 20, 30, 30)) == 0
