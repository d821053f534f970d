"""How the next token is chosen, and which numbers may say so: one table for every door and the engine behind them."""

from __future__ import annotations

from dataclasses import dataclass

from webui.errors import InvalidFieldError

LARGEST_INT32, LARGEST_INT64 = 2**31 - 1, 2**63 - 1


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `least` to `most`, both included; NaN and infinities are in none.

    `whole`: only integers. `optional`: None as well.
    """

    least: float
    most: float
    whole: bool = False
    optional: bool = False

    def __contains__(self, value: object) -> bool:
        if value is None:
            return self.optional
        # A bool is an int to Python, but no number.
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        return self.least <= value <= self.most

    def __str__(self) -> str:
        """As an error says what is accepted: "a number from 0 to 2"."""
        number = "a whole number" if self.whole else "a number"
        return f"{number} from {_plain(self.least)} to {_plain(self.most)}"


# The smallest penalty keeps logits finite: a division by 1e-39 overflows, and a row of infinities has no next token.
SAMPLING_RANGES: dict[str, Range] = {
    "temperature": Range(0, 2),
    "top_p": Range(0.000001, 1),
    "top_k": Range(0, LARGEST_INT32, whole=True),
    "repetition_penalty": Range(0.1, 2),
    "max_tokens": Range(1, LARGEST_INT64, whole=True),
    "thinking_token_budget": Range(0, LARGEST_INT64, whole=True, optional=True),
    "seed": Range(-LARGEST_INT64 - 1, LARGEST_INT64, whole=True, optional=True),
}


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen and when to end.

    temperature 0 is greedy. top_k 0 and top_p 1 switch those filters off. `thinking_token_budget` counts reasoning
    tokens: 0 answers directly, None leaves the model free. The defaults are those that zai-org recommends for
    GLM-4.1V-9B-Thinking. SAMPLING_RANGES has the bounds of each field.
    """

    temperature: float = 0.8
    top_p: float = 0.6
    top_k: int = 2
    repetition_penalty: float = 1.1
    max_tokens: int = 8192
    thinking_token_budget: int | None = None
    seed: int | None = None

    def check(self) -> None:
        """Raises InvalidFieldError for the first field that is out of its range."""
        for name, accepted in SAMPLING_RANGES.items():
            value = getattr(self, name)
            if value not in accepted:
                raise InvalidFieldError(field=name, value=_shown(value), accepted=accepted)


def _plain(number: float) -> str:
    """Without an exponent."""
    return str(number) if isinstance(number, int) else f"{number:.6f}".rstrip("0").rstrip(".")


def _shown(value: object) -> object:
    """The value; of a huge integer, which may be too long even to be printed, its size."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    return value
