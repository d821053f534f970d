"""The models known by name, what each needs, and which one a machine runs. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from webui.engine.planning.needs import Needs
from webui.engine.planning.plan import Plan
from webui.protocol import ModelInfo, Notice, PixelBudget, SamplingParams


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A model on the hub. `needs` is what its files say, known before they are downloaded."""

    source: str
    info: ModelInfo
    needs: Needs


@dataclass(frozen=True, slots=True)
class Choice:
    """What to load.

    `notice` says why it is not the model that was asked for; `fallback` whether the bundled model
    may be loaded instead if this one fails.
    """

    source: str
    quantization: str
    info: ModelInfo
    notice: Notice | None = None
    fallback: bool = False


# Sizes and limits of the preprocessor files of zai-org/GLM-4.1V-9B-Thinking, which the loader reads
# again.
FLAGSHIP = CatalogEntry(
    "zai-org/GLM-4.1V-9B-Thinking",
    ModelInfo(
        "GLM-4.1V-9B-Thinking",
        65_536,
        image=PixelBudget(28, 112 * 112 // 2, 28 * 28 * 7500),
        frame=PixelBudget(28, 112 * 112 // 2, 28 * 28 * 900),
        max_frames=64,
    ),
    Needs(
        weights=10_292_777_472,
        quantizable=8_157_921_280,
        layer=203_948_032,
        cache_elements=20_480,
        context_length=65_536,
        file_bytes=20_585_554_944,
    ),
)


def bundled_info() -> ModelInfo:
    """Return what is known of the bundled model before its files are read.

    A repetition penalty applies to the tokens of the prompt too, and would keep so small a model
    from copying the letters that it reads.
    """
    return ModelInfo(
        "glm4v-nano",
        8192,
        image=PixelBudget(28, 112 * 112 // 2, 196 * 224),
        frame=PixelBudget(28, 112 * 112 // 2, 140 * 140),
        max_frames=16,
        bundled=True,
        sampling=SamplingParams(repetition_penalty=1.0),
    )


def choose(model: str, quantization: str, plan: Plan | None, bundled: Path) -> Choice:
    """Return what `--model auto|nano|HUB_ID|PATH` means.

    `plan` is how the flagship model would run here, None while that is unknown.
    """
    nano = Choice(str(bundled), "none", bundled_info())
    if model == "nano":
        return nano
    if model == "auto":
        if plan is not None and plan.fits:
            return Choice(FLAGSHIP.source, plan.quantization, FLAGSHIP.info, fallback=True)
        return Choice(nano.source, "none", nano.info, notice=plan.refusal if plan else None)
    if model == FLAGSHIP.source:
        return Choice(model, quantization, FLAGSHIP.info)
    # The limits of the flagship model, so that a checkpoint gets the same images whether it is
    # named by its folder or by its id.
    return Choice(model, quantization, replace(FLAGSHIP.info, name=Path(model).name))
