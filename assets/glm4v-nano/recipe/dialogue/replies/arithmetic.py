"""Sums and differences of two numbers up to 99, worked out digit by digit."""

from __future__ import annotations

from recipe.dialogue.replies.reply import Reply, fill_template
from recipe.vocabulary import LANGUAGE_INDEX, Language


def arithmetic_reply(left: int, sign: str, right: int, language: Language) -> Reply:
    """Return the result of `left` `sign` `right`, where `sign` is "+" or "-".

    A difference is worked out with the larger number first, so that no digit is negative.
    """
    result = left + right if sign == "+" else left - right
    large, small = (left, right) if sign == "+" else (max(left, right), min(left, right))
    thought = f"{left}{sign}{right}: {digit_by_digit(large, sign, small)}"
    answer = fill_template("sum", language, result=f"{left}{sign}{right}={result}")
    # The mark at the end keeps 4 from being found in an answer of 45.
    end = (".", "。")[LANGUAGE_INDEX[language]]
    return Reply(thought, answer, (f"={result}{end}",))


def digit_by_digit(large: int, sign: str, small: int) -> str:
    """Return the ones and then the tens, with the carry or the borrow."""
    (large_tens, large_ones), (small_tens, small_ones) = divmod(large, 10), divmod(small, 10)
    if sign == "+":
        ones = large_ones + small_ones
        carry = ones // 10
        tens = large_tens + small_tens + carry
        return f"{large_ones}+{small_ones}={ones}, {large_tens}+{small_tens}+{carry}={tens}"
    borrow = int(large_ones < small_ones)
    minuend = large_ones + 10 * borrow
    ones, tens = minuend - small_ones, large_tens - borrow - small_tens
    return f"{minuend}-{small_ones}={ones}, {large_tens}-{borrow}-{small_tens}={tens}"
