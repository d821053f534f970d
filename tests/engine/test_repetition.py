"""Endless repetition is detected, and repetition that users ask for is left alone."""

from random import Random

import pytest

from webui.engine.repetition import MAX_REMEMBERED, MIN_REPEATS, MIN_TOKENS, RepetitionDetector


def detected_after(tokens: list[int], patience: int = 1) -> int | None:
    """Return the number of tokens after which the repetition is detected."""
    detector = RepetitionDetector()
    for end in range(1, len(tokens) + 1):
        if detector.is_endless(tokens[:end], patience):
            return end
    return None


@pytest.mark.parametrize("period", [1, 2, 3, 7, 18, 64, 150])
@pytest.mark.parametrize("seed", range(3))
def test_any_loop_after_any_text_is_detected_in_time(period, seed):
    random = Random(seed)
    text = [random.randrange(50) for _ in range(random.randrange(200))]
    loop = [random.randrange(random.choice([3, 50])) for _ in range(period)]
    min_run = max(MIN_TOKENS, MIN_REPEATS * period)
    detected = detected_after(text + loop * (3 * min_run // period))
    assert detected is not None
    assert len(text) + min_run - period <= detected + period
    assert detected <= len(text) + min_run + 3 * period + 20


def test_a_loop_of_loops_is_detected():
    assert detected_after(([1] * 17 + [2]) * 100) is not None
    assert detected_after(([1, 2] * 10 + [3] + [1, 2] * 10 + [4]) * 40) is not None


@pytest.mark.parametrize(
    "text",
    [
        [1] * 300,
        [5, 6] * 150,
        [row for number in range(200) for row in (7, 7, 7, 100 + number, 8)],
        [token for line in range(80) for token in (1, 2, 3, 4, 5, 6 + line % 3, 9, line)],
        [1, 2, 3, 4] * 60 + [9] + [1, 2, 3, 4] * 60,
    ],
    ids=["a long rule", "zeros", "a numbered table", "code", "two tables"],
)
def test_intended_repetition_is_left_alone(text):
    assert detected_after(text) is None


def test_random_text_never_repeats():
    random = Random(0)
    assert detected_after([random.randrange(4) for _ in range(3000)]) is None


def test_patience_delays_the_detection():
    assert detected_after([1] * (3 * MIN_TOKENS + 20)) < detected_after(
        [1] * (3 * MIN_TOKENS + 20), 3
    )


def test_memory_is_bounded():
    detector, text = RepetitionDetector(), []
    for number in range(10_000):
        text.append(number)
        detector.is_endless(text)
    assert len(detector._older) + len(detector._newer) <= 2 * MAX_REMEMBERED
