"""Estimates of the remaining time from reports of progress."""

from webui.engine.manager.remaining_time import MIN_WINDOW_S, WINDOW_S, RemainingTime


def test_the_pace_so_far_gives_the_remaining_time():
    remaining = RemainingTime()
    assert remaining.update(0.0, 0, 100) == 0
    assert remaining.update(MIN_WINDOW_S, 10, 100) == 9 * MIN_WINDOW_S
    assert remaining.update(2 * MIN_WINDOW_S, 50, 100) == 2 * MIN_WINDOW_S
    assert remaining.update(3 * MIN_WINDOW_S, 100, 100) == 0


def test_a_short_window_gives_no_estimate():
    remaining = RemainingTime()
    assert remaining.update(0.0, 0, 100) == remaining.update(MIN_WINDOW_S / 2, 50, 100) == 0
    assert RemainingTime().update(0.0, 5, 0) == 0


def test_an_old_pace_is_forgotten():
    remaining = RemainingTime()
    remaining.update(0.0, 0, 1000)
    remaining.update(1.0, 500, 1000)
    remaining.update(WINDOW_S + 1, 500, 1000)
    assert remaining.update(WINDOW_S + 11, 600, 1000) == 40


def test_progress_that_goes_backwards_starts_a_new_estimate():
    remaining = RemainingTime()
    remaining.update(0.0, 90, 100)
    assert remaining.update(10.0, 0, 200) == 0
    assert remaining.update(20.0, 100, 200) == 10
