"""Checkpoints that cannot be loaded end in one reason that a person can act on."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import NANO

from webui.engine.catalog import choose
from webui.engine.loader import load
from webui.errors import ModelLoadError


def load_folder(folder: Path, **overrides):
    return load(choose(str(folder), "none", 0, NANO), "cpu", overrides.get("slots", 2), 512, lambda progress: None)


@pytest.fixture
def checkpoint(tmp_path):
    return Path(shutil.copytree(NANO, tmp_path / "model", ignore=shutil.ignore_patterns("*.py", "*.md")))


def test_a_folder_loads_under_its_own_name(checkpoint):
    loaded = load_folder(checkpoint)
    assert loaded.info.name == "model"
    assert loaded.info.context_length == 512
    assert len(loaded.runner.cache.slots) == 2
    assert loaded.device == "CPU"


def test_missing_files_are_named(checkpoint):
    (checkpoint / "tokenizer.json").unlink()
    with pytest.raises(ModelLoadError, match=r"has no tokenizer\.json"):
        load_folder(checkpoint)


def test_a_damaged_shard_is_a_reason(checkpoint):
    (checkpoint / "model.safetensors").write_bytes(b"\0" * 1000)
    with pytest.raises(ModelLoadError, match="could not be loaded"):
        load_folder(checkpoint)


def test_another_architecture_is_refused_by_name(checkpoint):
    config = json.loads((checkpoint / "config.json").read_text())
    config["model_type"] = "qwen2"
    (checkpoint / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelLoadError, match="qwen2"):
        load_folder(checkpoint)


def test_the_bundled_files_say_what_the_model_takes(nano):
    assert nano.info.bundled
    assert nano.info.image.unit == 28
    assert nano.info.frame.max_pixels >= 112 * 112
