"""Loads a checkpoint: its weights onto a device, the slots that fit beside them, a tested runner.

Imports torch and transformers, so only the thread that loads imports it.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError

from webui.engine.execution.cpu_threads import reserve_core
from webui.engine.execution.device import Device
from webui.engine.execution.memory_reserve import CudaMemoryMeter, MemoryMeter, measure_reserve
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.loading.catalog import Choice
from webui.engine.loading.checkpoint import (
    Checkpoint,
    check_consistency,
    first_line,
    read_checkpoint,
)
from webui.engine.loading.generation_config import read_sampling
from webui.engine.loading.self_test import run_self_test
from webui.engine.loading.weights import load_weights
from webui.engine.models.families import FAMILIES, Families
from webui.engine.models.family import ModelFamily
from webui.engine.planning.host_memory import available_bytes, total_bytes
from webui.engine.planning.needs import Needs
from webui.engine.planning.plan import (
    MAX_SLOTS,
    MIN_CONTEXT,
    RESERVE_BYTES,
    RESERVE_BYTES_PER_TOKEN,
    CachePlan,
    Plan,
    PlanOptions,
    describe_card_choice,
    describe_precision,
    make_plan,
    plan_cache,
)
from webui.engine.planning.probe import read_machine
from webui.errors import DeviceMemoryError, ModelLoadError
from webui.protocol import ModelInfo, PixelBudget, Progress
from webui.reasons import (
    CannotPack,
    DeviceOutOfMemory,
    NoMemoryForConversation,
    PackedWeightsTooLarge,
    Reason,
    SelfTestFailed,
    Unexpected,
    WeightsTooLarge,
)

logger = logging.getLogger(__name__)

GIGABYTE = 10**9
# Slots take this much of a machine's memory at most, and never more than half of what is free.
MEMORY_FRACTION = 0.25
# Parameters of malloc.h. glibc accepts at most 32 MiB for M_MMAP_THRESHOLD.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MAX_KEPT_BLOCK_BYTES = 32 * 1024**2
KEPT_BYTES = 512 * 1024**2


Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class LoadedRunner:
    """A runner that is ready, and what its status shows.

    `memory_bytes` is the size of the weights; `precision` is "" for float32 on a CPU.
    """

    runner: ModelRunner
    info: ModelInfo
    device: str
    memory_bytes: int
    precision: str = ""


def free() -> None:
    """Free the memory of models that nothing refers to any more.

    The layers of a model refer to each other, so only the garbage collector finds them.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def plan_for(needs: Needs, options: PlanOptions) -> Plan:
    """Return how such a checkpoint would run on the cards of this machine."""
    return make_plan(read_machine(), needs, options)


def load(
    choice: Choice,
    device: str,
    slots: int,
    context: int,
    on_progress: Callable[[Progress], None],
    families: Families = FAMILIES,
) -> LoadedRunner:
    """Load the checkpoint in the folder `choice.source`; raise ModelLoadError if that fails."""
    name = choice.info.name
    reserve_core()
    keep_freed_memory()
    checkpoint = read_checkpoint(Path(choice.source), name, families)
    check_consistency(checkpoint, name)
    options = PlanOptions(device, choice.quantization, slots, context)
    placement = (
        place_on_cpu(checkpoint, choice)
        if is_for_cpu(device)
        else place_on_gpu(checkpoint, options, name)
    )
    Device(placement.device).make_current()
    model, processor = _load_model(checkpoint, choice, placement, on_progress)
    sampling = read_sampling(checkpoint.folder, choice.info.sampling)
    known = replace(choice.info, sampling=sampling)
    info = checkpoint.family.describe(known, model.config, processor)

    def make_runner(cache: CachePlan) -> ModelRunner:
        return _make_runner(model, processor, cache, checkpoint.family, name)

    cache = _plan_slots(placement, model, info, options, make_runner)
    runner = _allocate_slots(make_runner, cache, name)
    logger.info(
        "%s on %s: %d slots of %d tokens",
        name,
        placement.device,
        runner.slots,
        runner.context_length,
    )
    run_self_test(runner, name)
    info = replace(info, context_length=cache.context_length)
    return LoadedRunner(
        runner,
        info,
        _device_name(placement.device),
        placement.weight_bytes,
        placement.precision,
    )


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the weights go, and as what. `precision` is shown to users, "" for float32 on a CPU."""

    device: str
    dtype: torch.dtype
    quantization: str
    weight_bytes: int
    precision: str = ""


def is_for_cpu(device: str) -> bool:
    return device == "cpu" or (device == "auto" and not torch.cuda.is_available())


def place_on_cpu(
    checkpoint: Checkpoint, choice: Choice, free_bytes: int | None = None
) -> Placement:
    """Return the placement on the CPU.

    Raises ModelLoadError if the weights do not fit, before the machine starts to swap. Tests pass
    `free_bytes`.
    """
    quantization = "none" if choice.quantization == "auto" else choice.quantization
    needed = checkpoint.needs.weight_bytes(quantization, torch.float32.itemsize)
    available = available_bytes() if free_bytes is None else free_bytes
    if needed > available:
        too_large = PackedWeightsTooLarge if quantization == "4bit" else WeightsTooLarge
        raise ModelLoadError(
            model=choice.info.name,
            reason=too_large(needed / GIGABYTE, available / GIGABYTE, "CPU"),
        )
    return Placement("cpu", torch.float32, quantization, needed)


def place_on_gpu(checkpoint: Checkpoint, options: PlanOptions, name: str) -> Placement:
    """Return the planned placement, now that the weights are known exactly.

    Raises ModelLoadError if nothing fits.
    """
    machine = read_machine()
    planned = make_plan(machine, checkpoint.needs, options)
    if planned.refusal is not None:
        raise ModelLoadError(model=name, reason=planned.refusal)
    if choice := describe_card_choice(machine, options.device):
        logger.info("%s: %s", name, choice)
    logger.info("%s on %s: %s", name, planned.device, planned.summary)
    # On Hopper GPUs, attention prefers cuDNN, which builds a plan for each new shape; every prefill
    # chunk is one. Flash attention needs no plan.
    torch.backends.cuda.enable_cudnn_sdp(False)
    dtype: torch.dtype = getattr(torch, planned.dtype)
    return Placement(
        planned.device,
        dtype,
        planned.quantization,
        planned.weight_bytes,
        describe_precision(planned.quantization, planned.dtype),
    )


def _plan_slots(
    placement: Placement,
    model: Any,
    info: ModelInfo,
    options: PlanOptions,
    make_runner: Callable[[CachePlan], ModelRunner],
) -> CachePlan:
    """Return the slots that fit: a fraction of a machine's memory, or what a GPU has left."""
    bytes_per_token = _bytes_per_token(model)
    if placement.device == "cpu":
        free_bytes = int(min(total_bytes() * MEMORY_FRACTION, available_bytes() / 2))
        return plan_cache(
            free_bytes,
            bytes_per_token,
            info.context_length,
            slots=options.slots,
            context=options.context_length,
        )
    free()
    meter = CudaMemoryMeter(placement.device)
    planned = plan_cache(
        meter.free_bytes() - RESERVE_BYTES,
        bytes_per_token,
        info.context_length,
        slots=options.slots,
        context=options.context_length,
        reserve_per_token=RESERVE_BYTES_PER_TOKEN,
    )
    if not planned.slots:
        return planned
    return plan_measured_slots(make_runner, planned, bytes_per_token, info.image, options, meter)


def plan_measured_slots(
    make_runner: Callable[[CachePlan], ModelRunner],
    planned: CachePlan,
    bytes_per_token: int,
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
        free()
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
        bytes_per_token,
        context,
        slots=options.slots,
        context=options.context_length,
    )


def keep_freed_memory() -> None:
    """Make malloc keep up to KEPT_BYTES of freed memory for the next pass.

    Otherwise each pass gets its memory from the system again, page by page, and returns it. That
    stops all cores of the process for a moment: two threads in the vision encoder at once took up
    to twice as long. Works with glibc only; elsewhere nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, MAX_KEPT_BLOCK_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def _load_model(
    checkpoint: Checkpoint,
    choice: Choice,
    placement: Placement,
    on_progress: Callable[[Progress], None],
) -> tuple[Any, Any]:
    """Return the model and its processor.

    Raises ModelLoadError for all that the libraries raise for an unsuitable checkpoint or machine.
    """
    reason: Reason
    try:
        model = load_weights(
            checkpoint, placement.device, placement.quantization, placement.dtype, on_progress
        )
        return model, checkpoint.family.load_processor(checkpoint.folder)
    except torch.OutOfMemoryError:
        logger.warning("Loading %s failed", choice.source, exc_info=True)
        reason = DeviceOutOfMemory(_device_name(placement.device))
    except (OSError, ValueError, RuntimeError, ImportError, KeyError, SafetensorError) as error:
        logger.warning("Loading %s failed", choice.source, exc_info=True)
        line = first_line(error)
        reason = Unexpected(line)
        if placement.quantization != "none" and isinstance(error, (RuntimeError, ImportError)):
            reason = CannotPack(placement.quantization, line)
    # Out here the error no longer holds the half-loaded model.
    raise ModelLoadError(model=choice.info.name, reason=reason)


def _make_runner(
    model: Any, processor: Any, cache: CachePlan, family: ModelFamily, name: str
) -> ModelRunner:
    """Raise ModelLoadError for a checkpoint that loads but does not have the expected parts."""
    try:
        return ModelRunner(model, processor, cache, family)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        logger.warning("Preparing %s failed", name, exc_info=True)
        reason = SelfTestFailed(first_line(error), family.model_type)
        raise ModelLoadError(model=name, reason=reason) from None


def _allocate_slots(
    make_runner: Callable[[CachePlan], ModelRunner], cache: CachePlan, name: str
) -> ModelRunner:
    """Raise ModelLoadError if not even one slot fits."""
    if cache.slots:
        try:
            return with_fewer_slots(make_runner, cache)
        except torch.OutOfMemoryError:
            logger.warning("No memory for one slot of %d tokens", cache.context_length)
    raise ModelLoadError(model=name, reason=NoMemoryForConversation(cache.context_length))


def with_fewer_slots(make: Callable[[CachePlan], Made], cache: CachePlan) -> Made:
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
        free()
        cache = replace(cache, slots=cache.slots // 2)


def _bytes_per_token(model: Any) -> int:
    text = model.config.get_text_config()
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return 2 * text.num_hidden_layers * text.num_key_value_heads * head_dim * model.dtype.itemsize


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device.upper()
