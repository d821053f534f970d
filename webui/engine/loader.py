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
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoProcessor

from webui.engine.catalog import Choice
from webui.engine.checkpoint import Checkpoint, read_checkpoint
from webui.engine.cores import leave_a_core
from webui.engine.kv_cache import plan_cache
from webui.engine.machine import available_bytes, total_bytes
from webui.engine.runner import ModelRunner
from webui.engine.weights import dtype_on, load_weights
from webui.errors import ModelLoadError
from webui.protocol import ModelInfo, PixelBudget, Progress

logger = logging.getLogger(__name__)

GIGABYTE = 10**9
# What a step needs beside weights and cache: activations of a prefill chunk and of the vision tower.
RESERVE_BYTES = 2 * 1024**3
# Of a CPU machine's memory, and never more than half of what is free.
MEMORY_SHARE = 0.25
# Numbers of malloc.h; the first may be 32 MiB at most.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_KEPT_BYTES = 32 * 1024**2
KEPT_BYTES = 512 * 1024**2


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready to run, where, and how many bytes its weights take there."""

    runner: ModelRunner
    info: ModelInfo
    device: str
    memory_bytes: int


def gpu_bytes() -> int:
    """Memory of the first CUDA device, 0 without one."""
    return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else 0


def free() -> None:
    """Give back what a model held that nobody refers to any more; its layers refer to each other."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def load(choice: Choice, device: str, slots: int, context: int, on_progress: Callable[[Progress], None]) -> Loaded:
    """`choice.source` is a folder. Raises ModelLoadError with a reason that a person can act on."""
    name = choice.info.name
    device = find_device(device, name)
    leave_a_core()
    keep_freed_memory()
    checkpoint = read_checkpoint(Path(choice.source), name)
    check_memory(checkpoint, choice, device)
    model, processor = _model(checkpoint, choice, device, on_progress)
    info = model_info(choice.info, model.config, processor)
    plan = plan_cache(_cache_bytes(device), _bytes_per_token(model), info.context_length, slots=slots, context=context)
    if not plan.slots:
        raise ModelLoadError(
            model=name,
            reason=f"no memory is left for a conversation of {plan.context_length:,} tokens. "
            "Use --quantization 4bit or a smaller --context-length.",
        )
    logger.info("%s on %s: %d slots of %d tokens", info.name, device, plan.slots, plan.context_length)
    info = replace(info, context_length=plan.context_length)
    taken = checkpoint.loaded_bytes(dtype_on(device).itemsize, choice.quantization)
    return Loaded(ModelRunner(model, processor, plan), info, _device_name(device), taken)


def find_device(device: str, name: str) -> str:
    """What "auto" means here. Raises ModelLoadError if the device does not exist."""
    count = torch.cuda.device_count()
    if device == "auto":
        return "cuda" if count else "cpu"
    if device != "cpu" and int(device.partition(":")[2] or 0) >= count:
        reason = f"--device is {device} and this machine has {count} CUDA devices. Use --device cpu or another."
        raise ModelLoadError(model=name, reason=reason)
    return device


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


def check_memory(checkpoint: Checkpoint, choice: Choice, device: str, free_bytes: int | None = None) -> None:
    """Refuse before the machine swaps or kills us, with the numbers. `free_bytes` is passed in by tests only."""
    needed = checkpoint.loaded_bytes(dtype_on(device).itemsize, choice.quantization)
    available = _free_bytes(device) if free_bytes is None else free_bytes
    if needed > available:
        smaller = "" if choice.quantization == "4bit" else "--quantization 4bit, "
        raise ModelLoadError(
            model=choice.info.name,
            reason=f"its weights take {needed / GIGABYTE:.1f} GB of memory and {available / GIGABYTE:.1f} GB are free "
            f"on {_device_name(device)}. Use {smaller}a smaller model, or free some memory.",
        )


def model_info(known: ModelInfo, config: Any, processor: Any) -> ModelInfo:
    """What the checkpoint's own files say it takes. Glm4v counts the pixels of a picture twice, as two frames."""
    pictures, videos = processor.image_processor, processor.video_processor
    unit = pictures.patch_size * pictures.merge_size
    image = PixelBudget(unit, pictures.size["shortest_edge"] // 2, pictures.size["longest_edge"] // 2)
    most = min(videos.size["longest_edge"] // known.max_frames, known.frame.max_pixels)
    least = min(videos.size["shortest_edge"] // 2, most)
    context = config.text_config.max_position_embeddings
    return replace(known, context_length=context, image=image, frame=PixelBudget(unit, least, most))


def _model(
    checkpoint: Checkpoint, choice: Choice, device: str, on_progress: Callable[[Progress], None]
) -> tuple[Any, Any]:
    """Raises ModelLoadError for whatever the libraries below raise for a checkpoint or a machine that will not do."""
    try:
        model = load_weights(checkpoint, device, choice.quantization, on_progress)
        return model, AutoProcessor.from_pretrained(checkpoint.folder)
    except torch.OutOfMemoryError:
        logger.warning("loading %s", choice.source, exc_info=True)
        reason = f"the memory of {_device_name(device)} ran out. Use --quantization 4bit, or free some memory."
    except (OSError, ValueError, RuntimeError, ImportError, KeyError, SafetensorError) as error:
        logger.warning("loading %s", choice.source, exc_info=True)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if choice.quantization != "none" and isinstance(error, (RuntimeError, ImportError)):
            reason = f"bitsandbytes does not pack to {choice.quantization} here ({reason}); accepted: none."
    # Raised outside: what was caught holds on to the half-loaded model.
    raise ModelLoadError(model=choice.info.name, reason=reason)


def _bytes_per_token(model: Any) -> int:
    text = model.config.text_config
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return 2 * text.num_hidden_layers * text.num_key_value_heads * head_dim * model.dtype.itemsize


def _free_bytes(device: str) -> int:
    return int(torch.cuda.mem_get_info(device)[0]) if device.startswith("cuda") else available_bytes()


def _cache_bytes(device: str) -> int:
    """What the cache may take: free GPU memory less a reserve, or a share of a CPU machine's memory."""
    if device.startswith("cuda"):
        return max(_free_bytes(device) - RESERVE_BYTES, 0)
    return int(min(total_bytes() * MEMORY_SHARE, available_bytes() / 2))


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device.upper()
