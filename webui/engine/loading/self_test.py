"""The self-test: an image and a few decode steps, compared with transformers' own forward pass.

It runs before a model is ready. Where the engine interprets a checkpoint differently from
transformers, the logits differ here instead of in an answer.
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

# Decode steps to compare.
STEPS = 4
# Pixels of the side of the test image: 8 x 8 tokens of 28 pixels.
IMAGE_SIDE = 224
GREEDY = SamplingParams(temperature=0, repetition_penalty=1.0)
# The distance that is allowed, as a fraction of the logits' root mean square. In half precision the
# engine and transformers are about as far from float32 as from each other: 0.036 and 0.040 were
# measured for the widths of the 9B model.
MAX_DISTANCE_EXACT, MAX_DISTANCE_ROUNDED = 1e-3, 0.15


class RecordingSampler(Sampler):
    """A Sampler for one row that records the logits."""

    def __init__(self, vocabulary: int, device: str) -> None:
        super().__init__(1, vocabulary, device)
        self.logits: list[Tensor] = []

    def sample(self, logits: Tensor, rows: Any) -> list[SamplerOutput]:
        self.logits.append(logits.float())
        return super().sample(logits, rows)


def run_self_test(runner: ModelRunner, name: str) -> float:
    """Return the distance of the engine's logits from those of transformers.

    Raises ModelLoadError if it exceeds the bound, or if a pass fails.
    """
    model_type = runner.family.model_type
    device = Device(str(runner.model.device))
    try:
        # In a thread that ends: torch gives each thread that computes a pool of its own, and two
        # pools would compete for the cores later.
        with ThreadPoolExecutor(1, initializer=device.make_current) as thread:
            distance = thread.submit(measure_distance, runner).result()
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        logger.warning("The self-test of %s failed", name, exc_info=True)
        reason = SelfTestFailed(first_line(error), model_type)
        raise ModelLoadError(model=name, reason=reason) from None
    bound = distance_bound(runner.model)
    logger.info(
        "%s: the self-test's logits differ from transformers' by %.2g (bound %.2g)",
        name,
        distance,
        bound,
    )
    # Negated, so that NaN fails as well.
    if not distance <= bound:
        detail = f"logits {distance:.2g} away, {bound:.2g} allowed"
        raise ModelLoadError(model=name, reason=SelfTestFailed(detail, model_type))
    return distance


def distance_bound(model: Any) -> float:
    """Return the distance that is allowed. Packed weights are unpacked to half precision."""
    is_exact = model.dtype == torch.float32 and not getattr(model, "is_quantized", False)
    return MAX_DISTANCE_EXACT if is_exact else MAX_DISTANCE_ROUNDED


@torch.inference_mode()
def measure_distance(runner: ModelRunner) -> float:
    """Return the root mean square of the difference, relative to that of transformers' logits.

    Measured over the first STEPS tokens of an answer.
    """
    image = Image.linear_gradient("L").resize((IMAGE_SIDE, IMAGE_SIDE)).convert("RGB")
    part = ImagePart(image, FileLabel("self-test"), "self-test")
    prompt = runner.build_prompt((Message("user", (part, "1 + 1 = ?")),))
    output_ids, logits = compute_logits(runner, prompt)
    reference = runner.family.reference_logits(runner.model, prompt, output_ids)
    difference = (logits - reference).square().mean().sqrt()
    return float(difference / reference.square().mean().sqrt())


def compute_logits(runner: ModelRunner, prompt: Prompt) -> tuple[list[int], Tensor]:
    """Return STEPS greedy tokens of the engine, and the logits [STEPS, vocabulary] behind them."""
    vocabulary = runner.model.config.get_text_config().vocab_size
    recorder = RecordingSampler(vocabulary, str(runner.model.device))
    original_sampler, runner.sampler = runner.sampler, recorder
    sequence = Sequence("self-test", prompt, GREEDY, runner.control, STEPS)
    try:
        runner.acquire_slot(sequence)
        sampled = None
        while sampled is None:
            sampled = runner.prefill([sequence], runner.chunk_tokens)[0].sampled
        while len(sequence.output_ids) < STEPS:
            if sampled.token_id is None:
                raise ValueError("its logits are not finite")
            # Appended directly: a token that would end the answer must not end the test.
            sequence.output_ids.append(sampled.token_id)
            if len(sequence.output_ids) < STEPS:
                sampled = runner.decode([sequence])[0]
        runner.cache.clear_slot(sequence.slot)
    finally:
        runner.release_slot(sequence)
        runner.drop_caches()
        runner.sampler = original_sampler
    return sequence.output_ids, torch.cat(recorder.logits)
