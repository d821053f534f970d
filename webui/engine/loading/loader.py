"""A choice to a ModelRunner: the files, what they need and what is free, the weights, the plan of the memory.

Imports torch and transformers, so it is itself imported only by the thread that loads.
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
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.loading.catalog import Choice
from webui.engine.loading.checkpoint import Checkpoint, first_line, read_checkpoint
from webui.engine.loading.generation_config import read_sampling
from webui.engine.loading.self_test import run_self_test
from webui.engine.loading.weights import load_weights
from webui.engine.models.families import FAMILIES, Families
from webui.engine.models.family import ModelFamily
from webui.engine.planning.host_memory import available_bytes, total_bytes
from webui.engine.planning.needs import Needs
from webui.engine.planning.plan import (
    RESERVE_BYTES,
    RESERVE_BYTES_PER_TOKEN,
    CachePlan,
    Plan,
    PlanOptions,
    make_plan,
    plan_cache,
    words,
)
from webui.engine.planning.probe import read_machine
from webui.errors import ModelLoadError
from webui.protocol import ModelInfo, Progress
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
# Of a CPU machine's memory, and never more than half of what is free.
MEMORY_SHARE = 0.25
# Numbers of malloc.h; the first may be 32 MiB at most.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_KEPT_BYTES = 32 * 1024**2
KEPT_BYTES = 512 * 1024**2


Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class LoadedRunner:
    """A model ready to run, where, and how many bytes its weights take there; `precision` is "" on a CPU."""

    runner: ModelRunner
    info: ModelInfo
    device: str
    memory_bytes: int
    precision: str = ""


def free() -> None:
    """Give back what a model held that nobody refers to any more; its layers refer to each other."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def plan_for(needs: Needs, wishes: PlanOptions) -> Plan:
    """How such a checkpoint would run on the cards of this machine."""
    return make_plan(read_machine(), needs, wishes)


def load(
    choice: Choice,
    device: str,
    slots: int,
    context: int,
    on_progress: Callable[[Progress], None],
    families: Families = FAMILIES,
) -> LoadedRunner:
    """`choice.source` is a folder. Raises ModelLoadError with a reason that a person can act on."""
    name = choice.info.name
    reserve_core()
    keep_freed_memory()
    checkpoint = read_checkpoint(Path(choice.source), name, families)
    wishes = PlanOptions(device, choice.quantization, slots, context)
    place = (
        on_cpu(checkpoint, choice) if is_for_cpu(device) else on_a_card(checkpoint, wishes, name)
    )
    model, processor = _model(checkpoint, choice, place, on_progress)
    sampling = read_sampling(checkpoint.folder, choice.info.sampling)
    known = replace(choice.info, sampling=sampling)
    info = checkpoint.family.describe(known, model.config, processor)
    cache = _cache(place, model, info.context_length, wishes)
    if not cache.slots:
        raise ModelLoadError(
            model=name,
            reason=NoMemoryForConversation(cache.context_length),
        )
    logger.info(
        "%s on %s: %d slots of %d tokens",
        info.name,
        place.device,
        cache.slots,
        cache.context_length,
    )
    info = replace(info, context_length=cache.context_length)
    runner = _runner(model, processor, cache, checkpoint.family, name)
    return LoadedRunner(runner, info, _device_name(place.device), place.weight_bytes, place.words)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the weights go and in which precision; `words` name it, "" for a CPU's float32."""

    device: str
    dtype: torch.dtype
    quantization: str
    weight_bytes: int
    words: str = ""


def is_for_cpu(device: str) -> bool:
    return device == "cpu" or (device == "auto" and not torch.cuda.is_available())


def on_cpu(checkpoint: Checkpoint, choice: Choice, free_bytes: int | None = None) -> Place:
    """Refuse before the machine swaps or kills us, with the numbers. `free_bytes` is passed in by tests only."""
    quantization = "none" if choice.quantization == "auto" else choice.quantization
    needed = checkpoint.needs.weight_bytes(quantization, torch.float32.itemsize)
    available = available_bytes() if free_bytes is None else free_bytes
    if needed > available:
        too_large = PackedWeightsTooLarge if quantization == "4bit" else WeightsTooLarge
        raise ModelLoadError(
            model=choice.info.name,
            reason=too_large(needed / GIGABYTE, available / GIGABYTE, "CPU"),
        )
    return Place("cpu", torch.float32, quantization, needed)


def on_a_card(checkpoint: Checkpoint, wishes: PlanOptions, name: str) -> Place:
    """As planned, now that the weights are known exactly."""
    planned = plan_for(checkpoint.needs, wishes)
    if planned.refusal is not None:
        raise ModelLoadError(model=name, reason=planned.refusal)
    logger.info("%s: %s", name, planned.summary)
    # On Hopper, attention takes cuDNN first, which builds a plan for each new shape; each piece of prefill is one.
    torch.backends.cuda.enable_cudnn_sdp(False)
    dtype: torch.dtype = getattr(torch, planned.dtype)
    return Place(
        planned.device,
        dtype,
        planned.quantization,
        planned.weight_bytes,
        words(planned.quantization, planned.dtype),
    )


def _cache(place: Place, model: Any, model_context: int, wishes: PlanOptions) -> CachePlan:
    """What the conversations get: free GPU memory less a reserve, or a share of a CPU machine's memory."""
    cuda = place.device != "cpu"
    if cuda:
        room = int(torch.cuda.mem_get_info(place.device)[0]) - RESERVE_BYTES
    else:
        room = int(min(total_bytes() * MEMORY_SHARE, available_bytes() / 2))
    return plan_cache(
        room,
        _bytes_per_token(model),
        model_context,
        slots=wishes.slots,
        context=wishes.context_length,
        reserve_per_token=RESERVE_BYTES_PER_TOKEN if cuda else 0,
    )


def keep_freed_memory() -> None:
    """What a pass frees, up to KEPT_BYTES, stays with the process for the next one, which else asks the system for it
    again, page by page.

    Giving memory back stops all cores that the process runs on for a moment: two threads in the vision tower at once
    took up to twice as long. With glibc only; elsewhere nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def _model(
    checkpoint: Checkpoint, choice: Choice, place: Place, on_progress: Callable[[Progress], None]
) -> tuple[Any, Any]:
    """Raises ModelLoadError for whatever the libraries below raise for a checkpoint or a machine that will not do."""
    reason: Reason
    try:
        model = load_weights(checkpoint, place.device, place.quantization, place.dtype, on_progress)
        return model, checkpoint.family.load_processor(checkpoint.folder)
    except torch.OutOfMemoryError:
        logger.warning("loading %s", choice.source, exc_info=True)
        reason = DeviceOutOfMemory(_device_name(place.device))
    except (OSError, ValueError, RuntimeError, ImportError, KeyError, SafetensorError) as error:
        logger.warning("loading %s", choice.source, exc_info=True)
        line = first_line(error)
        reason = Unexpected(line)
        if place.quantization != "none" and isinstance(error, (RuntimeError, ImportError)):
            reason = CannotPack(place.quantization, line)
    # Raised outside: what was caught holds on to the half-loaded model.
    raise ModelLoadError(model=choice.info.name, reason=reason)


def _runner(
    model: Any, processor: Any, cache: CachePlan, family: ModelFamily, name: str
) -> ModelRunner:
    """Raises ModelLoadError for a checkpoint that loads and yet does not run as transformers runs it."""
    try:
        runner = with_fewer_slots(lambda fewer: ModelRunner(model, processor, fewer, family), cache)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        logger.warning("preparing %s", name, exc_info=True)
        reason = SelfTestFailed(first_line(error), family.model_type)
        raise ModelLoadError(model=name, reason=reason) from None
    run_self_test(runner, name)
    return runner


def with_fewer_slots(make: Callable[[CachePlan], Made], cache: CachePlan) -> Made:
    """What `make` makes of the cache, or of one of half as many slots as often as memory runs out."""
    while True:
        try:
            return make(cache)
        except torch.OutOfMemoryError:
            if cache.slots == 1:
                raise
            logger.warning(
                "no memory for %d slots of %d tokens: half as many are tried",
                cache.slots,
                cache.context_length,
            )
        # Outside: what was caught holds on to what was half made.
        free()
        cache = replace(cache, slots=cache.slots // 2)


def _bytes_per_token(model: Any) -> int:
    text = model.config.get_text_config()
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return 2 * text.num_hidden_layers * text.num_key_value_heads * head_dim * model.dtype.itemsize


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device.upper()
