"""Large passes take all cores, but not while pictures are looked at, nor where that proved slower."""

from threading import Thread

import pytest
import torch

from webui.engine.execution.cpu_threads import FEW_ROWS, FEW_TOKENS, CpuThreads
from webui.engine.execution.trial import FIRST_REST, TRIES


@pytest.fixture(autouse=True)
def threads_of_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def threads_of_step(one: CpuThreads, rows: int) -> int:
    with one.step(rows):
        return torch.get_num_threads()


def threads_of_prefill(one: CpuThreads, tokens: int) -> int:
    one.prefill(tokens)
    return torch.get_num_threads()


def test_few_rows_and_short_prompts_leave_a_core():
    one = CpuThreads(4, 3)
    assert [threads_of_step(one, rows) for rows in (1, FEW_ROWS, FEW_ROWS + 1, 1)] == [3, 3, 4, 3]
    assert [threads_of_prefill(one, tokens) for tokens in (1, FEW_TOKENS, FEW_TOKENS + 1)] == [
        3,
        3,
        4,
    ]


def test_the_encoder_and_the_worker_do_not_fight_for_cores():
    one, seen = CpuThreads(4, 3), []

    def look():
        with one.vision_running():
            seen.append(torch.get_num_threads())
            seen.append(threads_of_step(one, 32))
            seen.append(threads_of_prefill(one, 256))

    thread = Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [3, 3, 3]
    assert threads_of_step(one, 32) == 4


def test_where_all_cores_are_slower_a_core_is_left():
    time = 0.0

    def clock():
        nonlocal time
        time += torch.get_num_threads()
        return time

    one = CpuThreads(4, 3, clock)
    used = [threads_of_step(one, 16) for _ in range(FIRST_REST + 2 * TRIES + 1)]
    assert used[0] == 4
    assert used[-1] == 3
    assert threads_of_prefill(one, 256) == 3
