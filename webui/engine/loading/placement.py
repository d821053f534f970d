"""Where the weights of a checkpoint go, and in which precision."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch

from webui.engine.loading.catalog import Choice
from webui.engine.loading.checkpoint import Checkpoint
from webui.engine.planning.host_memory import available_bytes
from webui.engine.planning.plan import (
    GIGABYTE,
    PlanOptions,
    describe_card_choice,
    describe_precision,
    make_plan,
)
from webui.engine.planning.probe import read_machine
from webui.errors import ModelLoadError
from webui.reasons import PackedWeightsTooLarge, WeightsTooLarge

logger = logging.getLogger(__name__)


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
