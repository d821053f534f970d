"""How many slots fit on a device beside the weights, and their allocation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import torch

from webui.engine.execution.device import release_unused_memory
from webui.engine.execution.memory_reserve import CudaMemoryMeter, MemoryMeter, measure_reserve
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.planning.host_memory import available_bytes, total_bytes
from webui.engine.planning.plan import (
    GIGABYTE,
    MAX_SLOTS,
    MIN_CONTEXT,
    RESERVE_BYTES,
    RESERVE_BYTES_PER_TOKEN,
    CachePlan,
    PlanOptions,
    plan_cache,
)
from webui.errors import DeviceMemoryError
from webui.protocol import ModelInfo, PixelBudget

logger = logging.getLogger(__name__)

# Slots take this much of a machine's memory at most, and never more than half of what is free.
HOST_MEMORY_FRACTION = 0.25

MakeRunner = Callable[[CachePlan], ModelRunner]
Result = TypeVar("Result")


def plan_cpu_slots(model: Any, info: ModelInfo, options: PlanOptions) -> CachePlan:
    """Return the slots that fit into a fraction of the machine's memory."""
    free_bytes = int(min(total_bytes() * HOST_MEMORY_FRACTION, available_bytes() / 2))
    return plan_cache(
        free_bytes,
        bytes_per_token(model),
        info.context_length,
        slots=options.slots,
        context=options.context_length,
    )


def plan_gpu_slots(
    model: Any, info: ModelInfo, options: PlanOptions, make_runner: MakeRunner
) -> CachePlan:
    """Return the slots that fit beside the weights and the measured reserve."""
    # What loading left behind in the allocator would count as used.
    release_unused_memory()
    meter = CudaMemoryMeter(str(model.device))
    planned = plan_cache(
        meter.free_bytes() - RESERVE_BYTES,
        bytes_per_token(model),
        info.context_length,
        slots=options.slots,
        context=options.context_length,
        reserve_per_token=RESERVE_BYTES_PER_TOKEN,
    )
    if not planned.slots:
        return planned
    return plan_measured_slots(
        make_runner, planned, bytes_per_token(model), info.image, options, meter
    )


def plan_measured_slots(
    make_runner: MakeRunner,
    planned: CachePlan,
    token_bytes: int,
    image: PixelBudget,
    options: PlanOptions,
    meter: MemoryMeter,
) -> CachePlan:
    """Replace the estimated reserve of a plan by a measured one, and count slots again.

    The context is at most the planned one: the reserve holds for what was measured. Where the
    largest passes do not fit, half of the context is tried, unless its length was asked for.
    """
    context = planned.context_length
    while True:
        try:
            largest = CachePlan(options.slots or MAX_SLOTS, context)
            reserve = measure_reserve(make_runner, largest, image, meter)
            break
        except (torch.OutOfMemoryError, DeviceMemoryError):
            logger.warning("No memory for the largest passes with %d tokens of context", context)
        # Out here the error no longer holds what was allocated.
        release_unused_memory()
        if options.context_length or context // 2 < MIN_CONTEXT:
            return CachePlan(0, context)
        context //= 2
    estimate = RESERVE_BYTES + RESERVE_BYTES_PER_TOKEN * context
    logger.info(
        "Memory reserve: planned %.1f GB, measured %.1f GB (largest passes %.1f GB, the rest for "
        "cached image features and graphs)",
        estimate / GIGABYTE,
        reserve.total_bytes / GIGABYTE,
        reserve.peak_bytes / GIGABYTE,
    )
    return plan_cache(
        meter.free_bytes() - reserve.total_bytes,
        token_bytes,
        context,
        slots=options.slots,
        context=options.context_length,
    )


def with_fewer_slots(make: Callable[[CachePlan], Result], cache: CachePlan) -> Result:
    """Return what `make` makes of the plan; halve the slots as often as memory runs out."""
    while True:
        try:
            return make(cache)
        except torch.OutOfMemoryError:
            if cache.slots == 1:
                raise
            logger.warning(
                "No memory for %d slots of %d tokens; trying half as many",
                cache.slots,
                cache.context_length,
            )
        # Out here the error no longer holds what was allocated.
        release_unused_memory()
        cache = replace(cache, slots=cache.slots // 2)


def bytes_per_token(model: Any) -> int:
    """Return what the cache takes for one token in all layers: keys and values."""
    text = model.config.get_text_config()
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return 2 * text.num_hidden_layers * text.num_key_value_heads * head_dim * model.dtype.itemsize
