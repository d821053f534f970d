"""The slower of two ways is left, whichever it is, and noise decides nothing."""

import pytest

from webui.engine.execution.trial import FIRST_REST, REST, TRIES, AutoTuner


def go(trial: AutoTuner, steps: int, seconds, size=lambda step: 16) -> list[bool]:
    """Which way was gone in each step, if a step of the first and of the second way take so long."""
    ways = []
    for step in range(steps):
        ways.append(trial.second)
        trial.took(size(step), seconds[trial.second])
    return ways


def test_the_first_way_is_gone_and_the_second_tried_now_and_then():
    ways = go(AutoTuner(), 2000, (1.0, 1.4))
    assert not any(ways[: FIRST_REST + TRIES])
    assert all(ways[FIRST_REST + TRIES : FIRST_REST + 2 * TRIES])
    assert sum(ways) == TRIES * (1 + (2000 - FIRST_REST) // (REST + 2 * TRIES))


def test_the_faster_way_is_kept_until_it_is_the_slower_one():
    trial = AutoTuner()
    assert all(go(trial, FIRST_REST + 2 * TRIES + REST, (1.4, 1.0))[FIRST_REST + TRIES :])
    assert not go(trial, 2 * TRIES + 1, (1.0, 1.4))[-1]


@pytest.mark.parametrize("seconds", [(1.0, 1.0), (1.0, 0.97)])
def test_a_small_difference_is_noise(seconds):
    assert not go(AutoTuner(), FIRST_REST + 2 * TRIES + 1, seconds)[-1]


def test_one_slow_step_decides_nothing():
    trial = AutoTuner()
    go(trial, FIRST_REST + 1, (9.0, 9.0))
    assert all(go(trial, 200, (1.4, 1.0))[TRIES:])


def test_times_of_other_sizes_are_not_compared():
    trial = AutoTuner()
    assert not any(go(trial, 1000, (1.0, 0.1), size=lambda step: step // (TRIES - 1)))
