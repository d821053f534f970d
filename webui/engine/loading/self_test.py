"""Self-test: a page and a few steps through the engine, beside transformers' own forward pass, before a model is ready.

Whatever a checkpoint has that the engine reads in another way than transformers does shows here, not in an answer.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from webui.engine.execution.device import Device
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.execution.sampler import Sampler
from webui.engine.loading.checkpoint import first_line
from webui.engine.prompt import Prompt
from webui.engine.sequence import Sequence
from webui.engine.serving.runner_protocol import SamplerOutput
from webui.errors import ModelLoadError
from webui.protocol import FileLabel, ImagePart, Message, SamplingParams
from webui.reasons import SelfTestFailed

logger = logging.getLogger(__name__)

STEPS = 4
# Pixels of the side of the test image: 8 x 8 tokens of 28 pixels.
PAGE_SIDE = 224
GREEDY = SamplingParams(temperature=0, repetition_penalty=1.0)
# Of the logits' root mean square. In half precision both ways are about as far from float32 as from each other: 0.036
# and 0.040 were found for the 9B's widths.
EXACT, ROUNDED = 1e-3, 0.15


class ListeningSampler(Sampler):
    """Keeps the logits that it samples from."""

    def __init__(self, vocabulary: int, device: str) -> None:
        super().__init__(1, vocabulary, device)
        self.heard: list[Tensor] = []

    def sample(self, logits: Tensor, rows: Any) -> list[SamplerOutput]:
        self.heard.append(logits.float())
        return super().sample(logits, rows)


def run_self_test(runner: ModelRunner, name: str) -> float:
    """The distance of the engine's logits from transformers'. Raises ModelLoadError if it is beyond the bound."""
    model_type = runner.family.model_type
    try:
        # In a thread that ends: torch gives each thread a pool of its own, and two pools slow each other down.
        device = Device(str(runner.model.device))
        with ThreadPoolExecutor(1, initializer=device.make_current) as thread:
            distance = thread.submit(measure_distance, runner).result()
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        logger.warning("the self-test of %s", name, exc_info=True)
        reason = SelfTestFailed(first_line(error), model_type)
        raise ModelLoadError(model=name, reason=reason) from None
    bound = bound_of(runner.model)
    logger.info("%s: self-test, logits %.2g from transformers' (bound %.2g)", name, distance, bound)
    if not distance <= bound:
        detail = f"logits {distance:.2g} away, {bound:.2g} allowed"
        raise ModelLoadError(model=name, reason=SelfTestFailed(detail, model_type))
    return distance


def bound_of(model: Any) -> float:
    """Packed weights are unpacked to half precision, whatever the rest is in."""
    is_exact = model.dtype == torch.float32 and not getattr(model, "is_quantized", False)
    return EXACT if is_exact else ROUNDED


@torch.inference_mode()
def measure_distance(runner: ModelRunner) -> float:
    """Root mean square of the difference, in that of transformers' logits, over the first STEPS tokens of an answer."""
    page = Image.linear_gradient("L").resize((PAGE_SIDE, PAGE_SIDE)).convert("RGB")
    prompt = runner.build_prompt(
        (Message("user", (ImagePart(page, FileLabel("page"), "page"), "1 + 1 = ?")),)
    )
    written, ours = engine_logits(runner, prompt)
    theirs = runner.family.reference_logits(runner.model, prompt, written)
    return float((ours - theirs).square().mean().sqrt() / theirs.square().mean().sqrt())


def engine_logits(runner: ModelRunner, prompt: Prompt) -> tuple[list[int], Tensor]:
    """STEPS greedy tokens, and the logits [STEPS, vocabulary] that they were taken from."""
    kept, listening = (
        runner.sampler,
        ListeningSampler(
            runner.model.config.get_text_config().vocab_size, str(runner.model.device)
        ),
    )
    runner.sampler = listening
    sequence = Sequence("self-test", prompt, GREEDY, runner.control, STEPS)
    try:
        runner.acquire_slot(sequence)
        sampled = None
        while sampled is None:
            sampled = runner.prefill([sequence], runner.chunk_tokens)[0].sampled
        while len(sequence.output_ids) < STEPS:
            if sampled.token_id is None:
                raise ValueError("its logits are not finite")
            # Whatever would end an answer or be forced into it: the arithmetic is what counts.
            sequence.output_ids.append(sampled.token_id)
            if len(sequence.output_ids) < STEPS:
                sampled = runner.decode([sequence])[0]
        runner.cache.clear_slot(sequence.slot)
    finally:
        runner.release_slot(sequence)
        runner.drop_caches()
        runner.sampler = kept
    return sequence.output_ids, torch.cat(listening.heard)
