"""The weights of a checkpoint to a model on its device, with the bytes counted and bitsandbytes where it is asked for.

What bitsandbytes keeps whole is decided by the model family. zai-org publishes no quantized GLM-4.1V and recommends
4 bit at load time (zai-org/GLM-4#15).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import BitsAndBytesConfig
from transformers.utils.logging import set_tqdm_hook

from webui.engine.loading.checkpoint import Checkpoint
from webui.engine.models.family import ModelFamily
from webui.protocol import Progress

Report = Callable[[Progress], None]
# transformers' own name for the loop over all parameters.
LOADING_LOOP = "Loading weights"


def load_weights(
    checkpoint: Checkpoint, device: str, quantization: str, dtype: torch.dtype, report: Report
) -> Any:
    """A model of the checkpoint's family. Raises what transformers, torch and bitsandbytes raise, and ValueError if the
    checkpoint lacks weights, which transformers would make up."""
    if quantization == "8bit":
        # It says at each layer of each step that it rounds to float16 before it packs.
        logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    with counted(checkpoint, report):
        loaded: Any = checkpoint.family.model_class().from_pretrained(
            checkpoint.folder,
            dtype=dtype,
            device_map={"": device},
            quantization_config=packing(quantization, dtype, checkpoint.family),
            output_loading_info=True,
        )
    model, told = loaded
    missing = sorted(told["missing_keys"])
    if missing:
        raise ValueError(f"{len(missing)} of its weights are missing, {missing[0]} the first")
    return model


def packing(
    quantization: str, dtype: torch.dtype, family: ModelFamily
) -> BitsAndBytesConfig | None:
    """What `--quantization` means. A name in `llm_int8_skip_modules` matches from the start, for 4 bit too."""
    keep = [name.replace(".", r"\.") for name in family.whole_modules]
    if quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=keep)
    if quantization == "4bit":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=dtype,
            bnb_4bit_use_double_quant=True,
            llm_int8_skip_modules=keep,
        )
    return None


@contextmanager
def counted(checkpoint: Checkpoint, report: Report) -> Iterator[None]:
    """Within it, each weight that reaches the device is reported with its bytes on disk.

    transformers loads weights in a loop under a progress bar, and set_tqdm_hook is its public door to those bars.
    """
    total = checkpoint.file_bytes
    report(Progress("loading", 0, total))

    def hook(make_bar: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if kwargs.get("desc") != LOADING_LOOP or not args:
            return make_bar(*args, **kwargs)
        items = args[0]
        return make_bar(counting(items, len(items)), *args[1:], total=len(items), **kwargs)

    def counting(items: Iterable[tuple[str, Any]], count: int) -> Iterator[tuple[str, Any]]:
        done = 0.0
        for name, weight in items:
            yield name, weight
            tensor = checkpoint.tensors.get(name)
            # A weight that has another name on disk counts as an average one.
            done += tensor.file_bytes if tensor else total / count
            report(Progress("loading", min(int(done), total), total))

    before = set_tqdm_hook(hook)
    try:
        yield
    finally:
        set_tqdm_hook(before)
