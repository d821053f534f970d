"""Which model a machine runs, and what a name means."""

from pathlib import Path

import pytest

from webui.engine.catalog import FLAGSHIP, choose

BUNDLED = Path("bundled")


@pytest.mark.parametrize(
    ("gpu", "quantization", "source", "chosen"),
    [
        (0, "none", str(BUNDLED), "none"),
        (8, "none", str(BUNDLED), "none"),
        (12, "none", FLAGSHIP.source, "4bit"),
        (24, "none", FLAGSHIP.source, "none"),
        (24, "4bit", FLAGSHIP.source, "4bit"),
        (16, "8bit", FLAGSHIP.source, "8bit"),
    ],
)
def test_auto_chooses_by_gpu_memory(gpu, quantization, source, chosen):
    choice = choose("auto", quantization, gpu * 10**9, BUNDLED)
    assert (choice.source, choice.quantization) == (source, chosen)
    assert bool(choice.notice) == (source == str(BUNDLED))


def test_a_path_or_hub_id_is_taken_as_it_is():
    assert choose("some/model", "8bit", 0, BUNDLED).quantization == "8bit"
    assert choose("some/model", "none", 0, BUNDLED).info.name == "model"
    assert choose("nano", "4bit", 10**12, BUNDLED).source == str(BUNDLED)
