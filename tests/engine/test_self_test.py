"""The self-test: what a checkpoint has that the engine reads otherwise than transformers stops its load."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from conftest import NANO
from tiny import tiny_model

from webui.engine.execution.kv_cache import CachePlan
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.loading.catalog import choose
from webui.engine.loading.loader import load
from webui.engine.loading.self_test import EXACT, ROUNDED, bound_of, measure_distance, run_self_test
from webui.errors import ModelLoadError


def test_the_bundled_model_is_as_near_as_rounding_and_nothing_of_the_test_stays():
    runner = load(choose("nano", "none", None, NANO), "cpu", 2, 512, lambda progress: None).runner
    assert measure_distance(runner) < 1e-5
    assert not any(slot.busy or slot.prefix_ids for slot in runner.cache.slots)
    assert not any(layer.any() for layer in runner.cache.layers)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_within_its_bound(nano, dtype):
    runner = ModelRunner(
        tiny_model(nano.runner.model).to(dtype), nano.runner.processor, CachePlan(2, 512)
    )
    assert 1e-4 < run_self_test(runner, "tiny") < ROUNDED / 3


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
def test_packed_weights_are_compared_with_themselves(quantization):
    loaded = load(choose(str(NANO), quantization, None, NANO), "cpu", 2, 512, lambda progress: None)
    assert 0 < measure_distance(loaded.runner) < ROUNDED / 10
    assert bound_of(loaded.runner.model) == ROUNDED


def test_a_rope_that_is_read_otherwise_is_told_before_the_model_is_ready(nano, caplog):
    runner = ModelRunner(tiny_model(nano.runner.model), nano.runner.processor, CachePlan(2, 512))
    runner.model.model.language_model.rotary_emb.inv_freq.mul_(1.1)
    with pytest.raises(ModelLoadError, match=r"self-test failed \(logits .* away, 0.001 allowed\)"):
        run_self_test(runner, "tiny")
    assert (
        measure_distance(ModelRunner(runner.model, nano.runner.processor, CachePlan(2, 512)))
        < EXACT
    )


def test_a_failure_in_the_first_pass_is_one_of_the_load(tmp_path):
    folder = Path(
        shutil.copytree(NANO, tmp_path / "model", ignore=shutil.ignore_patterns("*.py", "*.md"))
    )
    config = json.loads((folder / "config.json").read_text())
    config["image_token_id"] += 1
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelLoadError, match="self-test failed"):
        load(choose(str(folder), "auto", None, NANO), "cpu", 2, 512, lambda progress: None)
