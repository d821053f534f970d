"""Endless repetition: whatever repeats exactly is found, and what people ask for is left alone."""

from random import Random

import pytest

from webui.engine.repetition import LEAST_TOKENS, LEAST_TURNS, Repetition


def found_after(tokens: list[int], factor: int = 1) -> int | None:
    """After how many tokens it is told."""
    one = Repetition()
    return next(
        (end for end in range(1, len(tokens) + 1) if one.endless(tokens[:end], factor)), None
    )


@pytest.mark.parametrize("period", [1, 2, 3, 7, 18, 64, 150])
@pytest.mark.parametrize("seed", range(3))
def test_any_loop_after_any_text_is_found_in_time(period, seed):
    random = Random(seed)
    text = [random.randrange(50) for _ in range(random.randrange(200))]
    loop = [random.randrange(random.choice([3, 50])) for _ in range(period)]
    wanted = max(LEAST_TOKENS, LEAST_TURNS * period)
    told = found_after(text + loop * (3 * wanted // period))
    assert told is not None
    assert len(text) + wanted - period <= told + period
    assert told <= len(text) + wanted + 3 * period + 20


def test_a_loop_of_small_loops_is_found():
    assert found_after(([1] * 17 + [2]) * 100) is not None
    assert found_after(([1, 2] * 10 + [3] + [1, 2] * 10 + [4]) * 40) is not None


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
def test_what_is_meant_is_left_alone(text):
    assert found_after(text) is None


def test_random_text_never_repeats():
    random = Random(0)
    assert found_after([random.randrange(4) for _ in range(3000)]) is None


def test_patience_is_a_factor():
    assert found_after([1] * (3 * LEAST_TOKENS + 20)) < found_after(
        [1] * (3 * LEAST_TOKENS + 20), 3
    )


def test_memory_is_bounded():
    one, text = Repetition(), []
    for number in range(10_000):
        text.append(number)
        one.endless(text)
    assert len(one._older) + len(one._newer) <= 2 * 2048
