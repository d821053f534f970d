"""What ReasoningParser makes of model outputs, and that no cut of the stream changes it."""

from itertools import combinations
from time import perf_counter

import pytest

from webui.engine.models.glm4v.control_tokens import TAGS
from webui.engine.reasoning.parser import ReasoningParser

FENCE = "```"
# (output of the model, reasoning, content)
OUTPUTS = [
    ("<think>Red?\nYes.</think><answer>Red.</answer>", "Red?\nYes.", "Red."),
    ("<think>\n Hm \n</think>\n<answer>\nA\n\nB\n</answer>\n<|user|>", "Hm", "A\n\nB"),
    ("Just a < b and <b>c</b>.", "", "Just a < b and <b>c</b>."),
    ("Two.</think> Three<|endoftext|>", "", "Two. Three"),
    ("<think>never closed <", "never closed <", ""),
    ("<think>GLM-4.5V</think>\nNo answer tag", "GLM-4.5V", "No answer tag"),
    ("<think>a</think><answer>cut of", "a", "cut of"),
    ("<think>no end<answer>B</answer>", "no end", "B"),
    ("<think>a</think>one\n<think>b</think>\ntwo", "a\n\nb", "one\n\ntwo"),
    ("<think>a</think><think>b<think></think>two", "a\n\nb", "two"),
    ("<answer>It is <|begin_of_box|>42<|end_of_box|>!</answer>", "", "It is 42!"),
    ("<answer>Ask <think>me</think> so</answer>", "", "Ask me so"),
    ("<answer>Say `<think>` or ``a`</answer>``.</answer>", "", "Say `<think>` or ``a`</answer>``."),
    ("<answer>The ` key</answer><|user|>", "", "The ` key"),
    ("The ` key</answer>\n\nand ` more", "", "The ` key\n\nand ` more"),
    (
        f"<answer>{FENCE}py\nx = '</think>'\n{FENCE}</answer>",
        "",
        f"{FENCE}py\nx = '</think>'\n{FENCE}",
    ),
    (f"<answer>\n{FENCE}\nleft open\n</answer>\n<|user|>", "", f"{FENCE}\nleft open"),
    ("<think>in `</think>`</think><answer>A", "in `", "`A"),
    ("</think><answer>\n    if a:\n        b\n", "", "    if a:\n        b"),
    ("<thi", "", "<thi"),
    ("", "", ""),
]


def parse(*chunks: str, starts_thinking: bool = False) -> tuple[str, str]:
    parser = ReasoningParser(TAGS, starts_thinking=starts_thinking)
    deltas = [*(parser.feed(chunk) for chunk in chunks), parser.close()]
    return "".join(delta.reasoning for delta in deltas), "".join(delta.content for delta in deltas)


@pytest.mark.parametrize(("output", "reasoning", "content"), OUTPUTS)
def test_reasoning_and_content_of_an_output(output, reasoning, content):
    assert parse(output) == (reasoning, content)


@pytest.mark.parametrize(("output", "reasoning", "content"), OUTPUTS)
def test_any_two_cuts_change_nothing(output, reasoning, content):
    for first, second in combinations(range(len(output) + 1), 2):
        assert parse(output[:first], output[first:second], output[second:]) == (reasoning, content)


@pytest.mark.parametrize(("output", "reasoning", "content"), OUTPUTS)
def test_single_characters_change_nothing(output, reasoning, content):
    assert parse(*output) == (reasoning, content)


def test_a_prompt_that_begins_the_reasoning():
    assert parse("Round, so", " a circle.\n</think>\nCircle.", starts_thinking=True) == (
        "Round, so a circle.",
        "Circle.",
    )
    assert parse("still thinking", starts_thinking=True) == ("still thinking", "")


@pytest.mark.parametrize("tag", TAGS.all)
def test_tags_are_hidden_outside_code_and_kept_inside(tag):
    assert parse(f"a{tag}b") in (("", "ab"), ("b", "a"))
    assert parse(f"<answer>`{tag}`\n{FENCE}\n{tag}\n{FENCE}\n{tag}") == (
        "",
        f"`{tag}`\n{FENCE}\n{tag}\n{FENCE}",
    )
    assert not any(tag in text for text in parse(f"<think>`{tag}`"))


def test_only_text_that_may_become_a_tag_is_held_back():
    parser = ReasoningParser(TAGS)
    assert parser.feed("a < b, <thin").content == "a < b,"
    assert parser.feed("g and `code").content == " <thing and `code"


@pytest.mark.parametrize(
    "text", ["` </answer>" + "word " * 20_000, "` </answer>" * 5_000, FENCE + "\n</answer>" * 5_000]
)
def test_time_is_linear_in_the_text(text):
    chunks = [text[start : start + 4] for start in range(0, len(text), 4)]
    start = perf_counter()
    assert len("".join(parse(*chunks))) <= len(text)
    assert perf_counter() - start < 10  # reading the rest at every chunk takes minutes
