"""Large passes use all cores, unless images are being encoded or fewer cores measured faster."""

from threading import Thread

import pytest
import torch

from webui.engine.execution.cpu_threads import (
    FEW_ROWS,
    FEW_TOKENS,
    FIRST_REST_CALLS,
    REST_CALLS,
    TUNER_SAMPLES,
    AutoTuner,
    CpuThreads,
)


@pytest.fixture(autouse=True)
def restored_thread_count():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def threads_of_step(cpu_threads: CpuThreads, rows: int) -> int:
    with cpu_threads.decode_step(rows):
        return torch.get_num_threads()


def threads_of_prefill(cpu_threads: CpuThreads, tokens: int) -> int:
    cpu_threads.prepare_prefill(tokens)
    return torch.get_num_threads()


def test_few_rows_and_short_prompts_leave_a_core():
    cpu_threads = CpuThreads(4, 3)
    rows = (1, FEW_ROWS, FEW_ROWS + 1, 1)
    assert [threads_of_step(cpu_threads, count) for count in rows] == [3, 3, 4, 3]
    tokens = (1, FEW_TOKENS, FEW_TOKENS + 1)
    assert [threads_of_prefill(cpu_threads, count) for count in tokens] == [3, 3, 4]


def test_vision_encoding_and_the_worker_do_not_compete_for_cores():
    cpu_threads, seen = CpuThreads(4, 3), []

    def encode_images():
        with cpu_threads.vision_running():
            seen.append(torch.get_num_threads())
            seen.append(threads_of_step(cpu_threads, 32))
            seen.append(threads_of_prefill(cpu_threads, 256))

    thread = Thread(target=encode_images)
    thread.start()
    thread.join()
    assert seen == [3, 3, 3]
    assert threads_of_step(cpu_threads, 32) == 4


def test_a_core_is_left_where_all_cores_measure_slower():
    time = 0.0

    def clock():
        nonlocal time
        time += torch.get_num_threads()
        return time

    cpu_threads = CpuThreads(4, 3, clock)
    steps = FIRST_REST_CALLS + 2 * TUNER_SAMPLES + 1
    used = [threads_of_step(cpu_threads, 16) for _ in range(steps)]
    assert used[0] == 4
    assert used[-1] == 3
    assert threads_of_prefill(cpu_threads, 256) == 3


def choices_of(tuner: AutoTuner, calls: int, seconds, size=lambda call: 16) -> list[bool]:
    """Return the choice of each call, if the first and the alternative way take those seconds."""
    choices = []
    for call in range(calls):
        choices.append(tuner.use_alternative)
        tuner.record_time(size(call), seconds[tuner.use_alternative])
    return choices


def test_the_first_way_is_used_and_the_alternative_tried_now_and_then():
    choices = choices_of(AutoTuner(), 2000, (1.0, 1.4))
    tried_from = FIRST_REST_CALLS + TUNER_SAMPLES
    assert not any(choices[:tried_from])
    assert all(choices[tried_from : tried_from + TUNER_SAMPLES])
    comparisons = 1 + (2000 - FIRST_REST_CALLS) // (REST_CALLS + 2 * TUNER_SAMPLES)
    assert sum(choices) == TUNER_SAMPLES * comparisons


def test_the_faster_way_is_kept_until_it_becomes_the_slower_one():
    tuner = AutoTuner()
    calls = FIRST_REST_CALLS + 2 * TUNER_SAMPLES + REST_CALLS
    assert all(choices_of(tuner, calls, (1.4, 1.0))[FIRST_REST_CALLS + TUNER_SAMPLES :])
    assert not choices_of(tuner, 2 * TUNER_SAMPLES + 1, (1.0, 1.4))[-1]


@pytest.mark.parametrize("seconds", [(1.0, 1.0), (1.0, 0.97)])
def test_a_small_difference_is_noise(seconds):
    calls = FIRST_REST_CALLS + 2 * TUNER_SAMPLES + 1
    assert not choices_of(AutoTuner(), calls, seconds)[-1]


def test_one_slow_step_decides_nothing():
    tuner = AutoTuner()
    choices_of(tuner, FIRST_REST_CALLS + 1, (9.0, 9.0))
    assert all(choices_of(tuner, 200, (1.4, 1.0))[TUNER_SAMPLES:])


def test_times_of_different_sizes_are_not_compared():
    sizes = choices_of(AutoTuner(), 1000, (1.0, 0.1), lambda call: call // (TUNER_SAMPLES - 1))
    assert not any(sizes)
