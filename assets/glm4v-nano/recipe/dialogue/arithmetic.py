"""Sums of two numbers, worked out the written way."""

from __future__ import annotations

from recipe.dialogue.answers import Reply, say
from recipe.dialogue.vocabulary import LANGUAGE_INDEX, Language


def about_sum(one: int, sign: str, other: int, language: Language) -> Reply:
    """The written way: digit by digit from the right, the larger number first in a difference."""
    result = one + other if sign == "+" else one - other
    large, small = (one, other) if sign == "+" else (max(one, other), min(one, other))
    thought = f"{one}{sign}{other}: {digit_by_digit(large, sign, small)}"
    answer = say("sum", language, result=f"{one}{sign}{other}={result}")
    return Reply(thought, answer, (f"={result}.", f"={result}。")[LANGUAGE_INDEX[language] :][:1])


def digit_by_digit(large: int, sign: str, small: int) -> str:
    ones, tens = (large % 10, small % 10), (large // 10, small // 10)
    if sign == "+":
        carry = (ones[0] + ones[1]) // 10
        return f"{ones[0]}+{ones[1]}={sum(ones)}, {tens[0]}+{tens[1]}+{carry}={sum(tens) + carry}"
    borrow = int(ones[0] < ones[1])
    first = ones[0] + 10 * borrow
    return f"{first}-{ones[1]}={first - ones[1]}, {tens[0]}-{borrow}-{tens[1]}={tens[0] - borrow - tens[1]}"
