"""The memory that serving needs beside weights and slots, measured with the largest passes.

An estimate has to be generous, and generous on a card means fewer conversations. The passes below
bound what requests can ask for; they run once after loading, before slots are allocated.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import Protocol

import torch
from PIL import Image

from webui.engine.execution.kv_cache import CachePlan
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.prompt import Prompt
from webui.engine.sequence import Sequence
from webui.errors import ContextLengthError
from webui.protocol import FileLabel, ImagePart, Message, PixelBudget, SamplingParams

logger = logging.getLogger(__name__)

# The CUDA graphs of other shapes, fragments, and what libraries allocate while serving. Estimated.
MARGIN_BYTES = 512 * 1024**2
# The most that a chat template and a short question add to images.
TEXT_TOKENS = 128
# A prompt, its first token and the position that no sequence uses.
MIN_CONTEXT = 8
# top_k 0 keeps the whole vocabulary in every step of sampling; a penalty keeps its token table.
LARGEST_SAMPLING = SamplingParams(temperature=1.0, top_p=0.95, top_k=0, repetition_penalty=1.1)


class MemoryMeter(Protocol):
    """Reads the memory of one device, in bytes."""

    def start(self) -> None:
        """Begin a measurement: what is allocated now counts as nothing."""
        ...

    def peak_bytes(self) -> int:
        """Return the most that was allocated at one time since `start`."""
        ...

    def free_bytes(self) -> int:
        """Return what is free for new tensors, unused memory of the allocator included."""
        ...


class CudaMemoryMeter:
    """Reads torch's caching allocator and the driver.

    Reserved memory counts instead of allocated memory, so that fragments are included.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._reserved_before = 0

    def start(self) -> None:
        torch.cuda.synchronize(self._device)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self._device)
        self._reserved_before = torch.cuda.memory_reserved(self._device)

    def peak_bytes(self) -> int:
        torch.cuda.synchronize(self._device)
        return torch.cuda.max_memory_reserved(self._device) - self._reserved_before

    def free_bytes(self) -> int:
        torch.cuda.empty_cache()
        return int(torch.cuda.mem_get_info(self._device)[0])


@dataclass(frozen=True, slots=True)
class MemoryReserve:
    """What must stay free: the peak of the largest passes, a full vision cache, and a margin."""

    peak_bytes: int
    vision_cache_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.peak_bytes + self.vision_cache_bytes + MARGIN_BYTES


def measure_reserve(
    make_runner: Callable[[CachePlan], ModelRunner],
    largest: CachePlan,
    image: PixelBudget,
    meter: MemoryMeter,
) -> MemoryReserve:
    """Run the largest passes for `largest.slots` rows and contexts of `largest.context_length`.

    Each part has a cache of one such context only: one slot of it, then short slots for all rows.
    `image` bounds the images. Raises what a runner raises where the memory does not suffice.
    """
    rows, context_length = largest.slots, largest.context_length
    runner = make_runner(CachePlan(1, context_length))
    meter.start()
    run_image_pass(runner, image)
    run_full_context_passes(runner)
    peak, vision_cache_bytes = meter.peak_bytes(), runner.vision_cache_bytes
    del runner
    # The layers of a model refer to each other: only the collector frees what a runner held.
    gc.collect()
    runner = make_runner(CachePlan(rows, max(context_length // rows, MIN_CONTEXT)))
    meter.start()
    run_full_batch(runner)
    peak = max(peak, meter.peak_bytes())
    del runner
    gc.collect()
    return MemoryReserve(peak, vision_cache_bytes)


def run_image_pass(runner: ModelRunner, image: PixelBudget) -> None:
    """Encode and prefill the largest image, or as many as one pass of the vision encoder takes."""
    max_tokens = runner.context_length - TEXT_TOKENS
    side = isqrt(min(image.max_pixels // image.unit**2, max(max_tokens, 1))) * image.unit
    image_tokens = image.tokens(side, side)
    count = max(1, min(runner.chunk_tokens, max_tokens) // image_tokens)
    parts: list[ImagePart | str] = []
    for shade in range(count):
        # Images of the same pixels would be encoded once.
        page = Image.new("RGB", (side, side), (shade % 256, shade // 256, 0))
        parts.append(ImagePart(page, FileLabel("memory check"), "memory check"))
    try:
        prompt = runner.build_prompt((Message("user", (*parts, "?")),))
    except ContextLengthError:
        # The context is too short for the smallest image, so no request will have one.
        return
    sequence = admit_sequence(runner, prompt)
    try:
        while runner.prefill([sequence], runner.chunk_tokens)[0].sampled is None:
            pass
    finally:
        release_sequences(runner, [sequence])


def run_full_context_passes(runner: ModelRunner) -> None:
    """Prefill the last chunk of a full context, whose masks are the largest; decode after it."""
    length = longest_prompt(runner)
    sequence = admit_sequence(runner, text_prompt(length), max(length - runner.chunk_tokens, 0))
    try:
        runner.prefill([sequence], runner.chunk_tokens)
        sequence.output_ids.append(0)
        runner.decode([sequence])
    finally:
        release_sequences(runner, [sequence])


def run_full_batch(runner: ModelRunner) -> None:
    """Decode one token in every slot at once."""
    sequences: list[Sequence] = []
    try:
        for row in range(runner.slots):
            # Two lengths in turn: rows of one length need no mask.
            length = longest_prompt(runner) - row % 2
            sequences.append(admit_sequence(runner, text_prompt(length), length))
            sequences[-1].output_ids.append(0)
        runner.decode(sequences)
    finally:
        release_sequences(runner, sequences)


def longest_prompt(runner: ModelRunner) -> int:
    """Return the tokens of a prompt after which one more step fits into the context."""
    return runner.context_length - 2


def text_prompt(length: int) -> Prompt:
    """Return a prompt of one repeated token. Its content does not matter, only its length."""
    positions = torch.arange(length).expand(3, -1)
    return Prompt([0] * length, [0] * length, positions, 0, ())


def admit_sequence(runner: ModelRunner, prompt: Prompt, prefilled: int = 0) -> Sequence:
    """Give a prompt a slot that claims to hold its first tokens already: the cache has zeros."""
    sequence = Sequence(
        "memory check", prompt, LARGEST_SAMPLING, runner.control, runner.context_length
    )
    if not runner.acquire_slot(sequence):
        raise ValueError("no slot is idle")
    sequence.slot.prefix_ids[:] = prompt.prefix_ids[:prefilled]
    sequence.prefilled = prefilled
    return sequence


def release_sequences(runner: ModelRunner, sequences: list[Sequence]) -> None:
    """Leave nothing of these sequences in the slots, and nothing in the vision cache."""
    for sequence in sequences:
        if sequence.slot is not None:
            runner.cache.clear_slot(sequence.slot)
        sequence.features = {}
        runner.release_slot(sequence)
    runner.drop_caches()
