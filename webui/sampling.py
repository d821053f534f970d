"""SamplingParams and the range of each field: one table for the page, the API and the engine."""

from __future__ import annotations

from dataclasses import dataclass

from webui.errors import InvalidFieldError

MAX_INT32, MAX_INT64 = 2**31 - 1, 2**63 - 1


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers from `minimum` to `maximum`, both included. NaN is in no range.

    `whole` accepts only integers; `optional` accepts None as well.
    """

    minimum: float
    maximum: float
    whole: bool = False
    optional: bool = False

    def __contains__(self, value: object) -> bool:
        if value is None:
            return self.optional
        # bool is a subclass of int.
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        return self.minimum <= value <= self.maximum

    def __str__(self) -> str:
        """Return the text for error messages, such as "a number from 0 to 2"."""
        number = "a whole number" if self.whole else "a number"
        return f"{number} from {_decimal(self.minimum)} to {_decimal(self.maximum)}"


# The lower bound of repetition_penalty keeps logits finite: dividing by 1e-39 overflows, and a row
# of infinities has no distribution to sample from.
SAMPLING_RANGES: dict[str, Range] = {
    "temperature": Range(0, 2),
    "top_p": Range(0.000001, 1),
    "top_k": Range(0, MAX_INT32, whole=True),
    "repetition_penalty": Range(0.1, 2),
    "max_tokens": Range(1, MAX_INT64, whole=True),
    "thinking_token_budget": Range(0, MAX_INT64, whole=True, optional=True),
    "seed": Range(-MAX_INT64 - 1, MAX_INT64, whole=True, optional=True),
}


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """The parameters of token sampling, and the limits of a generation.

    `temperature` 0 is greedy; `top_k` 0 and `top_p` 1 turn those filters off.
    `thinking_token_budget` counts reasoning tokens: 0 answers directly, None sets no limit. The
    defaults are those that zai-org recommends for GLM-4.1V-9B-Thinking. SAMPLING_RANGES has the
    bounds of each field.
    """

    temperature: float = 0.8
    top_p: float = 0.6
    top_k: int = 2
    repetition_penalty: float = 1.1
    max_tokens: int = 8192
    thinking_token_budget: int | None = None
    seed: int | None = None

    def check(self) -> None:
        """Raise InvalidFieldError for the first field that is out of its range."""
        for name, accepted in SAMPLING_RANGES.items():
            value = getattr(self, name)
            if value not in accepted:
                raise InvalidFieldError(field=name, value=_printable(value), accepted=accepted)


def _decimal(number: float) -> str:
    """Return the number without an exponent."""
    return str(number) if isinstance(number, int) else f"{number:.6f}".rstrip("0").rstrip(".")


def _printable(value: object) -> object:
    """Return the value, or the size of an integer that is too long to print."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    return value
