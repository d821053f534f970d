"""The model that a machine runs, and the meaning of `--model`."""

from pathlib import Path

import pytest

from webui.engine.loading.catalog import FLAGSHIP, choose
from webui.engine.planning.hardware import Card, Machine
from webui.engine.planning.plan import PlanOptions, make_plan
from webui.reasons import NoCudaDevice

BUNDLED = Path("bundled")


@pytest.mark.parametrize(
    ("gigabytes", "quantization", "chosen"),
    [(24, "auto", "4bit"), (48, "auto", "none"), (16, "8bit", "8bit")],
)
def test_auto_is_the_9b_model_in_the_planned_precision(gigabytes, quantization, chosen):
    machine = Machine((Card("card", gigabytes * 10**9, gigabytes * 10**9),))
    choice = choose(
        "auto",
        quantization,
        make_plan(machine, FLAGSHIP.needs, PlanOptions(quantization=quantization)),
        BUNDLED,
    )
    assert (choice.source, choice.quantization, choice.fallback, choice.notice) == (
        FLAGSHIP.source,
        chosen,
        True,
        None,
    )


def test_auto_is_the_bundled_model_where_nothing_fits_with_the_reason():
    choice = choose("auto", "auto", make_plan(Machine(), FLAGSHIP.needs), BUNDLED)
    assert (choice.source, choice.notice) == (str(BUNDLED), NoCudaDevice())
    assert choose("auto", "auto", None, BUNDLED).notice is None


def test_image_limits_are_the_same_by_folder_and_by_id():
    assert (
        choose("zai-org/GLM-4.1V-9B-Thinking", "auto", None, BUNDLED).info.frame
        == choose("/a", "auto", None, BUNDLED).info.frame
    )


def test_a_path_or_hub_id_keeps_its_quantization_and_name():
    assert choose("some/model", "8bit", None, BUNDLED).quantization == "8bit"
    assert choose("some/model", "none", None, BUNDLED).info.name == "model"
    assert choose("nano", "4bit", None, BUNDLED).source == str(BUNDLED)
