"""The reserve is measured with the largest passes, which leave nothing behind."""

import random

import pytest
import torch
from recording_runner import FakeMeter, recording_factory

from webui.engine.execution.kv_cache import CachePlan
from webui.engine.execution.memory_reserve import (
    MARGIN_BYTES,
    MIN_CONTEXT,
    TEXT_TOKENS,
    measure_reserve,
    run_full_batch,
    run_full_context_passes,
    run_image_pass,
)
from webui.engine.execution.model_runner import VISION_CACHE_BYTES, ModelRunner
from webui.engine.planning.plan import (
    PlanOptions,
)
from webui.protocol import PixelBudget

GIGABYTE = 10**9
PLANNED, AUTOMATIC = CachePlan(9, 512), PlanOptions()


@pytest.fixture
def make_runner(nano):
    return recording_factory(nano)


def assert_clean(runner):
    assert not any(slot.busy or slot.prefix_ids for slot in runner.cache.slots)
    assert not any(layer.any() for layer in runner.cache.layers)
    assert runner.drop_caches() == (0, 0)
    assert sorted(runner.sampler._free_rows) == list(range(runner.slots))


def test_the_largest_passes_leave_nothing_behind(nano, make_runner):
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    runner = make_runner(CachePlan(3, 512))
    run_image_pass(runner, nano.info.image)
    run_full_context_passes(runner)
    run_full_batch(runner)
    assert_clean(runner)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert random.getstate() == python_state


def test_the_passes_run_on_the_bundled_model(nano):
    runner = ModelRunner(nano.runner.model, nano.runner.processor, CachePlan(2, 1024))
    run_image_pass(runner, nano.info.image)
    run_full_context_passes(runner)
    run_full_batch(runner)
    assert_clean(runner)


def test_images_fill_a_pass_of_the_vision_encoder(nano, make_runner):
    runner = make_runner(CachePlan(1, 512))
    run_image_pass(runner, nano.info.image)
    image_tokens = nano.info.image.tokens(196, 196)
    assert max(pinned for *_, pinned in runner.chunks) == image_tokens * (64 // image_tokens)


def test_an_image_larger_than_a_chunk_is_encoded_whole(nano, make_runner):
    runner = make_runner(CachePlan(1, 512))
    runner.chunk_tokens = 16
    run_image_pass(runner, nano.info.image)
    assert max(pinned for *_, pinned in runner.chunks) == 49


def test_no_image_exceeds_the_context(make_runner):
    runner = make_runner(CachePlan(1, TEXT_TOKENS + 40))
    run_image_pass(runner, PixelBudget(28, 28 * 28, 28 * 28 * 10_000))
    assert 0 < max(pinned for *_, pinned in runner.chunks) <= 40


def test_the_last_chunk_of_a_full_context_is_prefilled_and_decoded_after(make_runner):
    runner = make_runner(CachePlan(1, 512))
    run_full_context_passes(runner)
    assert runner.chunks == [(510 - 64, 510, 0)]
    assert runner.steps == [[510]]


def test_every_slot_takes_part_in_the_full_batch(make_runner):
    runner = make_runner(CachePlan(5, 64))
    run_full_batch(runner)
    assert runner.steps == [[62, 61, 62, 61, 62]]


def test_the_reserve_is_the_larger_peak_and_a_full_vision_cache_and_a_margin(nano, make_runner):
    for peaks in ([700, 300], [300, 700]):
        meter = FakeMeter(peaks)
        reserve = measure_reserve(make_runner, CachePlan(4, 512), nano.info.image, meter)
        assert (reserve.peak_bytes, meter.starts) == (700, 2)
        assert reserve.total_bytes == 700 + VISION_CACHE_BYTES + MARGIN_BYTES
    plans = [(runner.slots, runner.context_length) for runner in make_runner.made]
    assert plans == 2 * [(1, 512), (4, 128)]
    for runner in make_runner.made:
        assert_clean(runner)


def test_a_context_shorter_than_its_rows_still_measures(nano, make_runner):
    measure_reserve(make_runner, CachePlan(32, 192), nano.info.image, FakeMeter([0, 0]))
    assert make_runner.made[-1].context_length == MIN_CONTEXT


def test_a_context_too_short_for_any_image_is_measured_without_one(nano, make_runner):
    runner = make_runner(CachePlan(1, 16))
    run_image_pass(runner, nano.info.image)
    assert not runner.chunks
