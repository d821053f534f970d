"""Tokens to text: whatever the cuts, the text comes out whole and no half character is shown."""

import pytest

from webui.engine.serving.detokenizer import Detokenizer

TEXTS = ["plain", "页面 three", "a\ufffdb", "naïve 🙂 end", "\ufffd\ufffd"]


def decode(ids: list[int]) -> str:
    return bytes(ids).decode("utf-8", errors="replace")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_any_cut_gives_the_text(text, size):
    ids = list(text.encode())
    detokenizer = Detokenizer(decode)
    pieces = [detokenizer.feed(ids[at : at + size]) for at in range(0, len(ids), size)]
    assert "".join(pieces) + detokenizer.close() == text


def test_no_half_character_is_shown():
    detokenizer = Detokenizer(decode)
    assert [detokenizer.feed([byte]) for byte in "页".encode()] == ["", "", "页"]


def test_a_broken_character_is_shown_in_the_end():
    detokenizer = Detokenizer(decode)
    detokenizer.feed([0xE9])
    assert detokenizer.close() == "\ufffd"


def test_many_broken_bytes_are_not_held_back_for_ever():
    detokenizer = Detokenizer(decode)
    assert any(detokenizer.feed([0xE9]) for _ in range(40))
