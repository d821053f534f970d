"""Loads the weights of a checkpoint onto a device, quantized by bitsandbytes if asked for.

The model family decides what stays whole. zai-org publishes no quantized GLM-4.1V and recommends
4 bit at load time (https://github.com/zai-org/GLM-4/issues/15).
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
# The description of transformers' progress bar over all parameters.
LOADING_BAR = "Loading weights"


def load_weights(
    checkpoint: Checkpoint, device: str, quantization: str, dtype: torch.dtype, report: Report
) -> Any:
    """Return a model of the checkpoint's family on `device`.

    Raises what transformers, torch and bitsandbytes raise, and ValueError if weights are missing,
    which transformers would initialise at random.
    """
    if quantization == "8bit":
        # It warns in every layer of every step that it rounds to float16 before it packs.
        logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    with report_progress(checkpoint, report):
        loaded: Any = checkpoint.family.model_class().from_pretrained(
            checkpoint.folder,
            dtype=dtype,
            device_map={"": device},
            quantization_config=make_quantization_config(quantization, dtype, checkpoint.family),
            output_loading_info=True,
        )
    model, loading_info = loaded
    missing = sorted(loading_info["missing_keys"])
    if missing:
        raise ValueError(f"{len(missing)} of its weights are missing, {missing[0]} the first")
    return model


def make_quantization_config(
    quantization: str, dtype: torch.dtype, family: ModelFamily
) -> BitsAndBytesConfig | None:
    """Return what `--quantization` means to transformers, None for no quantization.

    `llm_int8_skip_modules` counts for 4 bit too, and its names are patterns that match from the
    start of a module's name.
    """
    whole = [name.replace(".", r"\.") for name in family.whole_modules]
    if quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=whole)
    if quantization == "4bit":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=dtype,
            bnb_4bit_use_double_quant=True,
            llm_int8_skip_modules=whole,
        )
    return None


@contextmanager
def report_progress(checkpoint: Checkpoint, report: Report) -> Iterator[None]:
    """Report each weight that reaches the device, with its bytes on disk, while the context lasts.

    transformers loads weights in a loop under a progress bar; set_tqdm_hook is its public way to
    replace those bars.
    """
    total = checkpoint.file_bytes
    report(Progress("loading", 0, total))

    def hook(make_bar: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if kwargs.get("desc") != LOADING_BAR or not args:
            return make_bar(*args, **kwargs)
        items = args[0]
        return make_bar(count_bytes(items, len(items)), *args[1:], total=len(items), **kwargs)

    def count_bytes(items: Iterable[tuple[str, Any]], count: int) -> Iterator[tuple[str, Any]]:
        done = 0.0
        for name, weight in items:
            yield name, weight
            tensor = checkpoint.tensors.get(name)
            # A weight that has another name on disk counts as one of average size.
            done += tensor.file_bytes if tensor else total / count
            report(Progress("loading", min(int(done), total), total))

    before = set_tqdm_hook(hook)
    try:
        yield
    finally:
        set_tqdm_hook(before)
