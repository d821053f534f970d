"""Loading a checkpoint: what is refused and why, progress, precision, and slots."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from generation import collect, content_of, make_request
from nano_model import NANO
from safetensors.torch import load_file, save_file

from webui.engine.loading.catalog import choose
from webui.engine.loading.checkpoint import read_checkpoint
from webui.engine.loading.interface import CheckpointLoader
from webui.engine.loading.loader import load
from webui.engine.loading.placement import place_on_cpu
from webui.engine.manager.model_manager import ModelManager
from webui.engine.serving.engine import LocalEngine
from webui.errors import ModelLoadError


def load_folder(
    folder: Path, quantization: str = "none", device: str = "cpu", report=lambda progress: None
):
    return load(choose(str(folder), quantization, None, NANO), device, 2, 512, report)


@pytest.fixture
def checkpoint(tmp_path):
    return Path(
        shutil.copytree(NANO, tmp_path / "model", ignore=shutil.ignore_patterns("*.py", "*.md"))
    )


def test_a_folder_loads_under_its_own_name(checkpoint):
    loaded = load_folder(checkpoint)
    assert loaded.info.name == "model"
    assert loaded.info.context_length == 512
    assert len(loaded.runner.cache.slots) == 2
    assert loaded.device == "CPU"


def test_a_checkpoint_recommends_its_own_sampling(checkpoint):
    file = checkpoint / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"temperature": 0.45, "top_k": 9}))
    sampling = load_folder(checkpoint).info.sampling
    assert (sampling.temperature, sampling.top_k, sampling.top_p) == (0.45, 9, 0.6)


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "preprocessor_config.json", "model.safetensors"]
)
def test_missing_files_are_named(checkpoint, name):
    (checkpoint / name).unlink()
    with pytest.raises(ModelLoadError, match=f"has no {name}"):
        load_folder(checkpoint)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: b"\0" * 1000, "its header does not fit"),
        (lambda data: data[: len(data) // 2], "bytes of"),
        (lambda data: data[:100], "its header does not fit"),
        (lambda data: b"", "its header does not fit"),
        (lambda data: data[:8] + b"?" + data[9:], "is damaged"),
        (
            lambda data: data[:8] + data[8:].replace(b"data_offsets", b"date_offsets", 1),
            "is damaged",
        ),
    ],
)
def test_a_damaged_shard_is_named_with_a_remedy(checkpoint, damage, reason):
    shard = checkpoint / "model.safetensors"
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(ModelLoadError, match=reason) as caught:
        load_folder(checkpoint)
    assert "Delete it and download it again" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_shard_of_several_is_named(checkpoint):
    index = {
        "weight_map": {
            "lm_head.weight": "model-00001.safetensors",
            "other": "model-00002.safetensors",
        }
    }
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    (checkpoint / "model.safetensors").rename(checkpoint / "model-00001.safetensors")
    with pytest.raises(ModelLoadError, match=r"has no model-00002\.safetensors"):
        load_folder(checkpoint)


def test_a_config_that_is_no_json_is_named(checkpoint):
    (checkpoint / "config.json").write_text("{")
    with pytest.raises(ModelLoadError, match=r"config\.json cannot be read"):
        load_folder(checkpoint)


def test_missing_weights_are_not_initialised_at_random(checkpoint):
    weights = load_file(checkpoint / "model.safetensors")
    del weights["model.language_model.norm.weight"]
    save_file(weights, checkpoint / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelLoadError, match=r"weights are missing, model\.language_model\.norm"):
        load_folder(checkpoint)


def test_weights_of_another_shape_are_refused(checkpoint):
    weights = load_file(checkpoint / "model.safetensors")
    weights["lm_head.weight"] = weights["lm_head.weight"][:10].clone()
    save_file(weights, checkpoint / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelLoadError, match="could not be loaded"):
        load_folder(checkpoint)


def test_a_lack_of_memory_is_noticed_before_loading(checkpoint):
    choice, needed = (
        choose(str(checkpoint), "auto", None, NANO),
        read_checkpoint(checkpoint, "model"),
    )
    with pytest.raises(
        ModelLoadError,
        match=r"take 0\.0 GB of memory and 0\.0 GB are free on CPU.*--quantization 4bit",
    ):
        place_on_cpu(needed, choice, free_bytes=10**6)
    with pytest.raises(ModelLoadError, match="Use a smaller model"):
        place_on_cpu(needed, replace(choice, quantization="4bit"), free_bytes=10**6)


@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
@pytest.mark.skipif(torch.cuda.device_count() > 7, reason="has that device")
def test_a_missing_device_is_named(checkpoint, device):
    if torch.cuda.is_available() and device == "cuda":
        pytest.skip("has that device")
    with pytest.raises(ModelLoadError, match=f"--device is {device}"):
        load_folder(checkpoint, device=device)


def test_progress_counts_bytes_up_to_the_last(checkpoint):
    seen = []
    load_folder(checkpoint, report=seen.append)
    size = sum(tensor.nbytes for tensor in load_file(checkpoint / "model.safetensors").values())
    done = [progress.done for progress in seen]
    assert {progress.total for progress in seen} == {size}
    assert (done[0], done[-1]) == (0, size)
    assert done == sorted(done)
    assert len(set(done)) > 20


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
def test_quantized_weights_are_counted_at_their_size_in_memory(checkpoint, quantization):
    loaded = load_folder(checkpoint, quantization)
    model = loaded.runner.model
    packed = [
        name
        for name, layer in model.named_modules()
        if type(layer).__name__ in ("Linear4bit", "Linear8bitLt")
    ]
    assert len(packed) > 10
    assert all("language_model.layers" in name for name in packed)
    assert loaded.memory_bytes == pytest.approx(model.get_memory_footprint(), rel=0.01)


@pytest.mark.gpu
@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
async def test_a_quantized_model_answers_on_a_gpu(quantization):
    before = torch.cuda.memory_allocated()
    loaded = load_folder(NANO, quantization, "cuda")
    taken = torch.cuda.memory_allocated() - before
    assert taken >= loaded.memory_bytes
    assert {
        layer.compute_dtype
        for layer in loaded.runner.model.modules()
        if hasattr(layer, "compute_dtype")
    } <= {torch.bfloat16}
    engine = LocalEngine(loaded.runner)
    assert content_of(await collect(engine, make_request("Hello!", max_tokens=40, temperature=0)))
    engine.close()


async def test_a_repaired_checkpoint_loads_at_the_next_try(checkpoint):
    shard = checkpoint / "model.safetensors"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1000])
    loader = CheckpointLoader("cpu", 2, 512)
    manager = ModelManager(
        [str(checkpoint)], quantization="none", bundled=NANO, loader=loader, retry_after_s=0
    )
    manager.start()
    with pytest.raises(ModelLoadError, match="damaged"):
        await collect(manager, make_request("Hello!", max_tokens=4))
    shard.write_bytes(whole)
    assert await collect(manager, make_request("Hello!", max_tokens=4))
    assert manager.status().state == "ready"
    manager.close()


def test_another_architecture_is_refused_by_name(checkpoint):
    config = json.loads((checkpoint / "config.json").read_text())
    config["model_type"] = "qwen2"
    (checkpoint / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelLoadError, match="qwen2"):
        load_folder(checkpoint)


def test_the_files_of_the_bundled_model_set_its_limits(nano):
    assert nano.info.bundled
    assert nano.info.image.unit == 28
    assert nano.info.frame.max_pixels >= 112 * 112
