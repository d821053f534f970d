"""Sampling parameters: their ranges, and errors that name the field."""

from dataclasses import fields, replace

import pytest

from webui.errors import InvalidFieldError
from webui.protocol import SAMPLING_RANGES, Range, SamplingParams

REFUSED = [
    *(("temperature", value) for value in (-0.1, 2.1, float("nan"), float("inf"), True, "1", None)),
    *(("top_p", value) for value in (0, 1e-9, 1.1, float("nan"))),
    *(("top_k", value) for value in (-1, 2**31, 2**63, 1.5, None)),
    *(
        ("repetition_penalty", value)
        for value in (1e-39, 0, 0.05, 2.1, float("nan"), float("-inf"))
    ),
    *(("max_tokens", value) for value in (0, -1, 2**63, 1.0, None)),
    *(("thinking_token_budget", value) for value in (-1, 2**63, 0.5)),
    *(("seed", value) for value in (2**63, -(2**63) - 1, 10**9000, 0.5)),
]


def test_every_field_has_a_range_and_the_defaults_are_in_it():
    assert list(SAMPLING_RANGES) == [field.name for field in fields(SamplingParams)]
    SamplingParams().check()


@pytest.mark.parametrize("name", SAMPLING_RANGES)
def test_both_ends_of_a_range_are_accepted(name):
    for value in (SAMPLING_RANGES[name].minimum, SAMPLING_RANGES[name].maximum):
        replace(SamplingParams(), **{name: value}).check()


@pytest.mark.parametrize(
    ("name", "value"), REFUSED, ids=lambda value: f"{value}"[:20] if value != 10**9000 else "huge"
)
def test_a_value_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(InvalidFieldError) as caught:
        replace(SamplingParams(), **{name: value}).check()
    assert caught.value.params["field"] == name
    assert str(SAMPLING_RANGES[name]) in str(caught.value)


def test_a_range_is_printed_without_exponents():
    assert str(Range(0, 2)) == "a number from 0 to 2"
    assert str(SAMPLING_RANGES["top_p"]) == "a number from 0.000001 to 1"
    assert str(SAMPLING_RANGES["top_k"]) == "a whole number from 0 to 2147483647"
