"""A checkpoint's files to a ModelRunner: download, check, load, plan the memory.

Imports torch and transformers, so it is itself imported only by the thread that loads.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError
from safetensors import SafetensorError
from tqdm.auto import tqdm
from transformers import AutoConfig, AutoProcessor, BitsAndBytesConfig, Glm4vForConditionalGeneration

from webui.engine.catalog import Choice
from webui.engine.kv_cache import plan_cache
from webui.engine.runner import ModelRunner
from webui.errors import ModelLoadError
from webui.protocol import ModelInfo, PixelBudget, Progress

logger = logging.getLogger(__name__)

# What a step needs beside weights and cache: activations of a prefill chunk and of the vision tower.
RESERVE_BYTES = 2 * 1024**3
MEMORY_SHARE = 0.25
NEEDED_FILES = ("config.json", "tokenizer.json")


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


def load(choice: Choice, device: str, slots: int, context: int, on_progress: Callable[[Progress], None]) -> Loaded:
    """Raises ModelLoadError with a reason that a person can act on."""
    device = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    folder = _files(choice, on_progress)
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    on_progress(Progress("loading", 0, size))
    try:
        model, processor = _model(folder, choice, device)
    except (OSError, ValueError, RuntimeError, ImportError, SafetensorError) as error:
        raise ModelLoadError(model=choice.info.name, reason=_first_line(error)) from error
    info = model_info(choice.info, model.config, processor)
    plan = plan_cache(_free_bytes(device), _bytes_per_token(model), info.context_length, slots=slots, context=context)
    if not plan.slots:
        raise ModelLoadError(
            model=choice.info.name,
            reason=f"no memory is left for a conversation of {plan.context_length:,} tokens. "
            "Use --quantization 4bit or a smaller --context-length.",
        )
    logger.info("%s on %s: %d slots of %d tokens", info.name, device, plan.slots, plan.context_length)
    info = ModelInfo(info.name, plan.context_length, info.image, info.frame, info.max_frames, info.bundled)
    return Loaded(ModelRunner(model, processor, plan), info, _device_name(device), model.get_memory_footprint())


def model_info(known: ModelInfo, config: Any, processor: Any) -> ModelInfo:
    """What the checkpoint's own files say it takes. Glm4v counts the pixels of a picture twice, as two frames."""
    pictures, videos = processor.image_processor, processor.video_processor
    unit = pictures.patch_size * pictures.merge_size
    image = PixelBudget(unit, pictures.size["shortest_edge"] // 2, pictures.size["longest_edge"] // 2)
    most = min(videos.size["longest_edge"] // known.max_frames, known.frame.max_pixels)
    least = min(videos.size["shortest_edge"] // 2, most)
    context = config.text_config.max_position_embeddings
    return ModelInfo(known.name, context, image, PixelBudget(unit, least, most), known.max_frames, known.bundled)


def _files(choice: Choice, on_progress: Callable[[Progress], None]) -> Path:
    """The folder of the checkpoint, downloaded if it is not one already."""
    folder = Path(choice.source)
    if folder.is_dir():
        missing = [name for name in NEEDED_FILES if not (folder / name).is_file()]
        if missing:
            raise ModelLoadError(model=choice.info.name, reason=f"{folder} has no {', '.join(missing)}.")
        return folder
    most = 0

    class Bar(tqdm):  # type: ignore[misc]
        """Reports the bytes of the whole download; there are several bars, and the furthest one counts."""

        def update(self, n: float | None = 1) -> bool | None:
            nonlocal most
            shown = super().update(n)
            if self.unit == "B" and self.n > most:
                most = int(self.n)
                on_progress(Progress("loading", most, int(self.total or 0)))
            return shown

    try:
        return Path(snapshot_download(choice.source, tqdm_class=Bar, ignore_patterns=["*.bin", "*.pth", "*.gguf"]))
    except RepositoryNotFoundError as error:
        reason = f"the hub has no model {choice.source}, or it needs a token (HF_TOKEN)."
        raise ModelLoadError(model=choice.info.name, reason=reason) from error
    except (HfHubHTTPError, EntryNotFoundError, OSError, ValueError) as error:
        raise ModelLoadError(
            model=choice.info.name, reason=f"the hub cannot be reached ({_first_line(error)})"
        ) from error


def _model(folder: Path, choice: Choice, device: str) -> tuple[Any, Any]:
    config = AutoConfig.from_pretrained(folder)
    if config.model_type != "glm4v":
        reason = f"its type is {config.model_type}; this demo runs glm4v checkpoints."
        raise ModelLoadError(model=choice.info.name, reason=reason)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    model = Glm4vForConditionalGeneration.from_pretrained(
        folder, dtype=dtype, device_map={"": device}, quantization_config=_quantization(choice.quantization, dtype)
    )
    return model, AutoProcessor.from_pretrained(folder)


def _quantization(kind: str, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """bitsandbytes leaves lm_head alone; the vision tower stays whole, for a 1% share of the memory it reads better."""
    keep = ["lm_head", "visual"]
    if kind == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=keep)
    if kind == "4bit":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=dtype,
            bnb_4bit_use_double_quant=True,
            llm_int8_skip_modules=keep,
        )
    return None


def _bytes_per_token(model: Any) -> int:
    text = model.config.text_config
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return 2 * text.num_hidden_layers * text.num_key_value_heads * head_dim * model.dtype.itemsize


def _free_bytes(device: str) -> int:
    """What the cache may take: free GPU memory less a reserve, or a share of a CPU machine's memory."""
    if device.startswith("cuda"):
        return max(torch.cuda.mem_get_info(device)[0] - RESERVE_BYTES, 0)
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * MEMORY_SHARE)


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device.upper()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
