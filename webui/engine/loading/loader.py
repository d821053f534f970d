"""Loads a checkpoint: its weights onto a device, the slots that fit beside them, a tested runner.

Imports torch and transformers, so only the thread that loads imports it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from webui.engine.execution.cpu_threads import reserve_core
from webui.engine.execution.device import Device, release_unused_memory
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.execution.slot_plan import plan_cpu_slots, plan_gpu_slots, with_fewer_slots
from webui.engine.loading.catalog import Choice
from webui.engine.loading.checkpoint import (
    Checkpoint,
    check_consistency,
    first_line,
    read_checkpoint,
)
from webui.engine.loading.generation_config import read_sampling
from webui.engine.loading.placement import Placement, is_for_cpu, place_on_cpu, place_on_gpu
from webui.engine.loading.self_test import run_self_test
from webui.engine.loading.weights import load_weights
from webui.engine.models.families import FAMILIES, Families
from webui.engine.models.family import ModelFamily
from webui.engine.planning.host_memory import keep_freed_memory
from webui.engine.planning.needs import Needs
from webui.engine.planning.plan import (
    CachePlan,
    Plan,
    PlanOptions,
    make_plan,
)
from webui.engine.planning.probe import read_machine
from webui.errors import ModelLoadError
from webui.protocol import ModelInfo, Progress
from webui.reasons import (
    CannotPack,
    DeviceOutOfMemory,
    NoMemoryForConversation,
    Reason,
    SelfTestFailed,
    Unexpected,
)

logger = logging.getLogger(__name__)


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
    """Free the memory of models that nothing refers to any more."""
    release_unused_memory()


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


def _plan_slots(
    placement: Placement,
    model: Any,
    info: ModelInfo,
    options: PlanOptions,
    make_runner: Callable[[CachePlan], ModelRunner],
) -> CachePlan:
    """Raise ModelLoadError for a checkpoint that cannot run the passes that are measured."""
    if placement.device == "cpu":
        return plan_cpu_slots(model, info, options)
    try:
        return plan_gpu_slots(model, info, options, make_runner)
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        logger.warning("Measuring the memory of %s failed", info.name, exc_info=True)
        reason = SelfTestFailed(first_line(error), model.config.model_type)
        raise ModelLoadError(model=info.name, reason=reason) from None


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


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device.upper()
