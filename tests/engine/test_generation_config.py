"""The sampling that a checkpoint recommends is read from its generation_config.json."""

import json

import pytest
from nano_model import NANO

from webui.engine.loading.catalog import bundled_info
from webui.engine.loading.generation_config import read_sampling
from webui.protocol import SamplingParams

DEFAULT = SamplingParams(repetition_penalty=1.05)


def read(folder, content: str) -> SamplingParams:
    (folder / "generation_config.json").write_text(content)
    return read_sampling(folder, DEFAULT)


def test_the_fields_of_the_file_replace_the_defaults(tmp_path):
    config = {"do_sample": True, "temperature": 0.4, "top_k": 7, "max_new_tokens": 20}
    assert read(tmp_path, json.dumps(config)) == SamplingParams(
        temperature=0.4, top_k=7, repetition_penalty=1.05
    )


@pytest.mark.parametrize("content", ["", "[]", "{", "{}", '{"temperature": null}'])
def test_a_file_without_recommendations_changes_nothing(tmp_path, content):
    assert read(tmp_path, content) == DEFAULT


def test_a_missing_file_changes_nothing(tmp_path):
    assert read_sampling(tmp_path, DEFAULT) == DEFAULT


def test_values_out_of_range_are_ignored_with_a_warning(tmp_path, caplog):
    sampling = read(tmp_path, '{"top_k": -1, "temperature": "hot", "top_p": 0.5}')
    assert sampling == SamplingParams(top_p=0.5, repetition_penalty=1.05)
    assert "top_k to -1" in caplog.text
    assert "temperature to 'hot'" in caplog.text


def test_a_loaded_model_has_the_recommendation_of_its_files(nano):
    assert nano.info.sampling == read_sampling(NANO, bundled_info().sampling)
    assert nano.info.sampling.repetition_penalty == 1.0
