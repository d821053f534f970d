"""Slots are counted from measured memory, and fewer are allocated where they do not fit."""

import pytest
import torch
from recording_runner import FakeMeter, recording_factory

from webui.engine.execution.kv_cache import CachePlan
from webui.engine.execution.memory_reserve import MARGIN_BYTES
from webui.engine.execution.model_runner import VISION_CACHE_BYTES
from webui.engine.execution.slot_plan import plan_measured_slots, with_fewer_slots
from webui.engine.planning.plan import RESERVE_BYTES, RESERVE_BYTES_PER_TOKEN, PlanOptions

GIGABYTE = 10**9
PLANNED, AUTOMATIC = CachePlan(9, 512), PlanOptions()


@pytest.fixture
def make_runner(nano):
    return recording_factory(nano)


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


def test_fewer_slots_are_tried_where_the_planned_ones_do_not_fit(caplog):
    tried = []

    def make(cache):
        tried.append(cache.slots)
        if cache.slots > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return cache

    assert with_fewer_slots(make, CachePlan(17, 8192)) == CachePlan(4, 8192)
    assert tried == [17, 8, 4]
    assert "No memory for 17 slots of 8192 tokens" in caplog.text
    with pytest.raises(torch.OutOfMemoryError):
        with_fewer_slots(lambda cache: make(CachePlan(9, 9)), CachePlan(2, 8192))
