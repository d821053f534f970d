from webui.engine.loading.remaining import LEAST_S, SEEN_S, Remaining


def test_the_pace_so_far_tells_what_is_left():
    remaining = Remaining()
    assert remaining.feed(0.0, 0, 100) == 0
    assert remaining.feed(LEAST_S, 10, 100) == 9 * LEAST_S
    assert remaining.feed(2 * LEAST_S, 50, 100) == 2 * LEAST_S
    assert remaining.feed(3 * LEAST_S, 100, 100) == 0


def test_a_guess_is_not_told():
    remaining = Remaining()
    assert remaining.feed(0.0, 0, 100) == remaining.feed(LEAST_S / 2, 50, 100) == 0
    assert Remaining().feed(0.0, 5, 0) == 0


def test_an_old_pace_is_forgotten():
    remaining = Remaining()
    remaining.feed(0.0, 0, 1000)
    remaining.feed(1.0, 500, 1000)
    remaining.feed(SEEN_S + 1, 500, 1000)
    assert remaining.feed(SEEN_S + 11, 600, 1000) == 40


def test_what_begins_anew_is_other_work():
    remaining = Remaining()
    remaining.feed(0.0, 90, 100)
    assert remaining.feed(10.0, 0, 200) == 0
    assert remaining.feed(20.0, 100, 200) == 10
