"""The reserve is measured with the largest passes, which leave nothing behind."""

import random

import pytest
import torch
from tiny import tiny_model

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
from webui.engine.execution.slot_plan import plan_measured_slots
from webui.engine.planning.plan import (
    RESERVE_BYTES,
    RESERVE_BYTES_PER_TOKEN,
    PlanOptions,
)
from webui.protocol import PixelBudget

GIGABYTE = 10**9
PLANNED, AUTOMATIC = CachePlan(9, 512), PlanOptions()


class RecordingRunner(ModelRunner):
    """Records the passes: chunks as (start, end, image tokens), decode steps as lists of lengths."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.chunks, self.steps = [], []

    def prefill(self, sequences, tokens):
        start = sequences[0].prefilled
        results = super().prefill(sequences, tokens)
        pinned = sum(len(features) for features in sequences[0].features.values())
        self.chunks.append((start, sequences[0].prefilled, pinned))
        return results

    def decode(self, sequences):
        self.steps.append([sequence.length for sequence in sequences])
        return super().decode(sequences)


class FakeMeter:
    """Plays the peaks of the parts in turn."""

    def __init__(self, peaks=(), free=0):
        self.peaks, self.free, self.starts = list(peaks), free, 0

    def start(self):
        self.starts += 1

    def peak_bytes(self):
        return self.peaks.pop(0)

    def free_bytes(self):
        return self.free


@pytest.fixture
def make_runner(nano):
    model, made = tiny_model(nano.runner.model), []

    def make(plan):
        made.append(RecordingRunner(model, nano.runner.processor, plan, chunk_tokens=64))
        return made[-1]

    make.made = made
    return make


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


def plan_slots(nano, make, meter, planned=PLANNED, options=AUTOMATIC):
    return plan_measured_slots(make, planned, 1000, nano.info.image, options, meter)


def test_slots_are_counted_from_what_is_free_less_the_measured_reserve(nano, make_runner, caplog):
    reserve = 700 + VISION_CACHE_BYTES + MARGIN_BYTES
    meter = FakeMeter([700, 300], reserve + 6 * 512 * 1000)
    caplog.set_level("INFO")
    assert plan_slots(nano, make_runner, meter) == CachePlan(6, 512)
    estimate = RESERVE_BYTES + RESERVE_BYTES_PER_TOKEN * 512
    assert (
        f"planned {estimate / GIGABYTE:.1f} GB, measured {reserve / GIGABYTE:.1f} GB" in caplog.text
    )


def test_slots_that_were_asked_for_are_all_there_or_none(nano, make_runner):
    reserve = VISION_CACHE_BYTES + MARGIN_BYTES
    for slots, fitting in ((4, 4), (7, 0)):
        meter = FakeMeter([0, 0], reserve + 6 * 512 * 1000)
        cache = plan_slots(nano, make_runner, meter, options=PlanOptions(slots=slots))
        assert cache == CachePlan(fitting, 512)
        assert make_runner.made[-1].slots == slots


class Failing:
    """Makes runners only for contexts up to `limit`."""

    def __init__(self, make, limit):
        self.make, self.limit, self.contexts = make, limit, []

    def __call__(self, plan):
        self.contexts.append(plan.context_length)
        if plan.context_length > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.make(CachePlan(plan.slots, 256))


def test_where_the_largest_passes_do_not_fit_a_shorter_context_is_tried(nano, make_runner, caplog):
    failing = Failing(make_runner, 16_384)
    meter = FakeMeter([0, 0], 10 * GIGABYTE)
    cache = plan_slots(nano, failing, meter, CachePlan(9, 65_536))
    assert failing.contexts[:3] == [65_536, 32_768, 16_384]
    assert cache.context_length == 16_384
    assert "No memory for the largest passes with 65536 tokens of context" in caplog.text


@pytest.mark.parametrize("options", [PlanOptions(context_length=32_768), PlanOptions()])
def test_where_nothing_fits_there_are_no_slots(nano, make_runner, options):
    failing = Failing(make_runner, 4096)
    cache = plan_slots(nano, failing, FakeMeter(), CachePlan(9, 32_768), options)
    assert cache == CachePlan(0, options.context_length or 8192)
