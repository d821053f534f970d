"""The models known by name, what each needs, and which one a machine should run. Pure: imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from webui.protocol import ModelInfo, PixelBudget

GIGABYTE = 1024**3  # as cards are sold


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """`gpu_bytes` tells for each quantization from how much GPU memory on it is chosen without being asked for."""

    source: str
    info: ModelInfo
    gpu_bytes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Choice:
    """What to load. `notice` tells why it is not what was wanted, `fallback` whether the bundled model may step in."""

    source: str
    quantization: str
    info: ModelInfo
    notice: str = ""
    fallback: bool = False


# Sizes and limits as in the preprocessor files of zai-org/GLM-4.1V-9B-Thinking; the loader reads them again.
FLAGSHIP = CatalogEntry(
    "zai-org/GLM-4.1V-9B-Thinking",
    ModelInfo(
        "GLM-4.1V-9B-Thinking",
        65_536,
        image=PixelBudget(28, 112 * 112 // 2, 28 * 28 * 7500),
        frame=PixelBudget(28, 112 * 112 // 2, 28 * 28 * 900),
        max_frames=64,
    ),
    # Where a first conversation fits beside weights of 20.6, 12.5 and 8.6 * 10^9 bytes. The loader has the last word.
    {"none": 22 * GIGABYTE, "8bit": 14 * GIGABYTE, "4bit": 10 * GIGABYTE},
)


def bundled_info() -> ModelInfo:
    """The bundled model before its files are read.

    A penalty counts what the prompt says too, and would keep so small a model from copying the letters that it reads.
    """
    return ModelInfo(
        "glm4v-nano",
        8192,
        image=PixelBudget(28, 112 * 112 // 2, 196 * 224),
        frame=PixelBudget(28, 112 * 112 // 2, 140 * 140),
        max_frames=16,
        bundled=True,
        repetition_penalty=1.0,
    )


def choose(model: str, quantization: str, gpu_bytes: int, bundled: Path) -> Choice:
    """What `--model auto|nano|HUB_ID|PATH` means on a machine with that much GPU memory (0: no GPU)."""
    nano = Choice(str(bundled), "none", bundled_info())
    if model == "nano":
        return nano
    if model == "auto":
        kinds = ("none", "4bit") if quantization == "none" else (quantization,)
        for kind in kinds:
            if gpu_bytes >= FLAGSHIP.gpu_bytes[kind]:
                return Choice(FLAGSHIP.source, kind, FLAGSHIP.info, fallback=True)
        least = FLAGSHIP.gpu_bytes[kinds[-1]] // GIGABYTE
        return Choice(nano.source, "none", nano.info, notice=f"no GPU of {least} GB or more was found")
    if model == FLAGSHIP.source:
        return Choice(model, quantization, FLAGSHIP.info)
    name = Path(model).name
    return Choice(model, quantization, ModelInfo(name, FLAGSHIP.info.context_length))
