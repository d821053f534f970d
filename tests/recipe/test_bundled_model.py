"""Answers of the bundled model. All questions are asked in one batch, which saves time."""

import pytest
from nano_model import (
    ask_about,
    draw_headline,
    draw_shape,
    draw_squares,
    extract_answer,
    generate_outputs,
)

SHAPES = [
    ("red", "circle", "What colour and shape is this?", ("red", "circle")),
    ("red", "circle", "这是什么颜色和形状？", ("红色", "圆形")),
    ("blue", "square", "What do you see?", ("blue", "square")),
    ("green", "triangle", "图里有什么？", ("绿色", "三角形")),
]
HEADLINES = ("MARKET", "BUDGET26", "K7PQ")
PAGES = ("ALPHA", "SUMMER", "PLAN26")


@pytest.fixture(scope="module")
def outputs(model, processor):
    """Outputs by name of the question."""
    conversations = {
        question: ask_about(question, draw_shape(colour, shape))
        for colour, shape, question, _ in SHAPES
    }
    conversations["count"] = ask_about("What is in this picture?", draw_squares(3))
    for word in HEADLINES:
        conversations[word] = ask_about("What is the headline?", draw_headline(word))
    pages = [draw_headline(word, (392, 280)) for word in PAGES]
    for number, word in enumerate(PAGES, 1):
        question = f"What is the headline of page {number}?"
        conversations[word] = ask_about(question, *pages)
    conversations["pages"] = ask_about("How many pages are there?", *pages)
    texts = generate_outputs(model, processor, list(conversations.values()))
    return dict(zip(conversations, texts, strict=True))


@pytest.fixture(scope="module")
def text_outputs(model, processor):
    questions = ("What is 47 + 38?", "What is the capital of France?")
    return generate_outputs(model, processor, [ask_about(question) for question in questions])


@pytest.mark.parametrize(("question", "words"), [shape[2:] for shape in SHAPES])
def test_it_names_colour_and_shape(outputs, question, words):
    assert extract_answer(outputs[question])
    assert all(word in outputs[question] for word in words)


def test_it_counts(outputs):
    answer = extract_answer(outputs["count"])
    assert all(word in answer for word in ("three", "blue", "squares"))


def test_it_reads_two_of_three_headlines(outputs):
    assert sum(word in extract_answer(outputs[word]) for word in HEADLINES) >= 2


def test_it_reads_the_headline_of_the_page_in_question(outputs):
    assert sum(word in extract_answer(outputs[word]) for word in PAGES) >= 2


def test_it_counts_pages(outputs):
    assert "3 pages" in extract_answer(outputs["pages"])


def test_it_adds(text_outputs):
    assert "=85" in extract_answer(text_outputs[0])


def test_it_introduces_itself_where_there_is_no_picture(text_outputs):
    answer = extract_answer(text_outputs[1])
    assert "glm4v-nano" in answer
    assert "python launch.py --model zai-org/GLM-4.1V-9B-Thinking" in answer
