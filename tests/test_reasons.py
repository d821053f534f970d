from dataclasses import fields

import pytest

from webui.errors import ModelLoadError
from webui.reasons import CardTooSmall, DeviceOutOfMemory, EngineStoppedBefore, Reason, Unexpected


def reason_classes():
    return Reason.__subclasses__()


def example_of(kind):
    """A value of that class whose fields can be recognised in a text."""
    values = {"int": 4321, "float": 12.34, "str": "<{}>", "Reason": Unexpected("inner")}
    return kind(
        **{
            field.name: values[field.type].format(field.name)
            if field.type == "str"
            else values[field.type]
            for field in fields(kind)
        }
    )


@pytest.mark.parametrize("kind", reason_classes(), ids=lambda kind: kind.__name__)
def test_the_english_text_contains_every_field(kind):
    text = str(example_of(kind))
    for field in fields(kind):
        shown = {"int": ("4321", "4,321"), "float": ("12.3",), "Reason": ("inner",)}
        assert any(value in text for value in shown.get(field.type, (f"<{field.name}>",))), field


def test_one_conversation_is_singular():
    reason = CardTooSmall("L4", 7.9, 8.3, "4 bit", slots=1, tokens=8192, needed_gb=12.14)
    assert str(reason) == (
        "L4 has 7.9 GB free of 8.3 GB; 4 bit with 1 conversation of 8,192 tokens needs 12.1 GB."
    )


def test_a_reason_is_part_of_the_error_that_carries_it():
    reason = EngineStoppedBefore(DeviceOutOfMemory("NVIDIA L4"))
    error = ModelLoadError(model="GLM", reason=reason)
    assert str(error).startswith("GLM could not be loaded: the memory of NVIDIA L4 ran out.")
    assert str(error).endswith("start it again.")


def test_a_copied_error_is_equal_and_has_no_traceback():
    with pytest.raises(ModelLoadError) as caught:
        raise ModelLoadError(model="GLM", reason=Unexpected("no"))
    copy = caught.value.copy()
    assert caught.value.__traceback__ is not None
    assert (str(copy), copy.reason, copy.__traceback__) == (
        str(caught.value),
        Unexpected("no"),
        None,
    )
