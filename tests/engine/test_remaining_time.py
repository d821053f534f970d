from webui.engine.manager.remaining_time import LEAST_S, SEEN_S, RemainingTime


def test_the_pace_so_far_tells_what_is_left():
    remaining = RemainingTime()
    assert remaining.update(0.0, 0, 100) == 0
    assert remaining.update(LEAST_S, 10, 100) == 9 * LEAST_S
    assert remaining.update(2 * LEAST_S, 50, 100) == 2 * LEAST_S
    assert remaining.update(3 * LEAST_S, 100, 100) == 0


def test_a_guess_is_not_told():
    remaining = RemainingTime()
    assert remaining.update(0.0, 0, 100) == remaining.update(LEAST_S / 2, 50, 100) == 0
    assert RemainingTime().update(0.0, 5, 0) == 0


def test_an_old_pace_is_forgotten():
    remaining = RemainingTime()
    remaining.update(0.0, 0, 1000)
    remaining.update(1.0, 500, 1000)
    remaining.update(SEEN_S + 1, 500, 1000)
    assert remaining.update(SEEN_S + 11, 600, 1000) == 40


def test_what_begins_anew_is_other_work():
    remaining = RemainingTime()
    remaining.update(0.0, 90, 100)
    assert remaining.update(10.0, 0, 200) == 0
    assert remaining.update(20.0, 100, 200) == 10
