"""The self-test refuses a model whose logits differ from those of transformers."""

from dataclasses import replace

import pytest
import torch
from nano_model import NANO
from tiny import tiny_model

from webui.engine.execution.kv_cache import CachePlan
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.loading.catalog import choose
from webui.engine.loading.loader import load
from webui.engine.loading.self_test import (
    MAX_DISTANCE_EXACT,
    MAX_DISTANCE_ROUNDED,
    distance_bound,
    measure_distance,
    run_self_test,
)
from webui.engine.models.glm4v.family import Glm4vFamily
from webui.errors import ModelLoadError


def make_runner(nano, dtype=torch.float32, family=None) -> ModelRunner:
    model = tiny_model(nano.runner.model).to(dtype)
    return ModelRunner(model, nano.runner.processor, CachePlan(2, 512), family)


def test_the_bundled_model_differs_by_rounding_only_and_the_test_leaves_nothing():
    runner = load(choose("nano", "none", None, NANO), "cpu", 2, 512, lambda progress: None).runner
    assert measure_distance(runner) < 1e-5
    assert not any(slot.busy or slot.prefix_ids for slot in runner.cache.slots)
    assert not any(layer.any() for layer in runner.cache.layers)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_within_its_bound(nano, dtype):
    distance = run_self_test(make_runner(nano, dtype), "tiny")
    assert 1e-4 < distance < MAX_DISTANCE_ROUNDED / 3


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
def test_quantized_weights_are_compared_with_quantized_weights(quantization):
    loaded = load(choose(str(NANO), quantization, None, NANO), "cpu", 2, 512, lambda progress: None)
    assert 0 < measure_distance(loaded.runner) < MAX_DISTANCE_ROUNDED / 10
    assert distance_bound(loaded.runner.model) == MAX_DISTANCE_ROUNDED


def test_other_rope_frequencies_are_noticed_before_the_model_is_ready(nano):
    runner = make_runner(nano)
    runner.model.model.language_model.rotary_emb.inv_freq.mul_(1.1)
    with pytest.raises(ModelLoadError, match=r"self-test failed \(logits .* away, 0.001 allowed\)"):
        run_self_test(runner, "tiny")
    # A runner that is made afterwards reads the changed frequencies, as transformers does.
    changed = ModelRunner(runner.model, nano.runner.processor, CachePlan(2, 512))
    assert measure_distance(changed) < MAX_DISTANCE_EXACT


class FailingFamily:
    """Glm4vFamily whose first pass raises."""

    def __getattr__(self, name):
        return getattr(Glm4vFamily(), name)

    def take_apart(self, model, processor, context_length):
        parts = Glm4vFamily().take_apart(model, processor, context_length)
        return replace(parts, decoder=lambda hidden, positions, backend: hidden[:, 10**6])


def test_a_failure_in_the_first_pass_is_a_failure_to_load(nano):
    with pytest.raises(ModelLoadError, match=r"self-test failed \(index 1000000 is out of bounds"):
        run_self_test(make_runner(nano, family=FailingFamily()), "tiny")
