"""The bundled model answers the question of every example card, in both languages."""

from pathlib import Path

import pytest

from webui.engine.serving.engine import LocalEngine
from webui.media.reader import Selection
from webui.protocol import GenerationRequest, Message, SamplingParams
from webui.ui.i18n.strings import Strings
from webui.ui.tab_specs import TABS

EXAMPLES = Path(__file__).parents[1] / "assets" / "examples"
# Text that a right answer contains, in English and in Chinese.
EXPECTED = {
    ("example_circle", "red-circle.png"): ("red", "红色"),
    ("example_headline", "three-pages.pdf"): ("BUDGET", "BUDGET"),
    ("example_moving", "orange-circle.mp4"): ("orange", "橙色"),
    ("example_who", ""): ("glm4v-nano", "glm4v-nano"),
    ("example_sum", ""): ("85", "85"),
    ("example_hello", ""): ("Hello", "你好"),
    ("example_count", "blue-squares.png"): ("three", "三"),
    ("example_sign", "sign.png"): ("CAFE24", "CAFE24"),
    ("example_tallest", "bars.png"): ("Bar C", "C"),
    ("example_moving_shape", "blue-square.mp4"): ("square", "正方形"),
    ("example_direction", "purple-triangle.mp4"): ("right", "右"),
    ("example_last_headline", "three-pages.pdf"): ("TEAM7", "TEAM7"),
    ("example_page_count", "three-pages.pdf"): ("3 pages", "3页"),
    ("example_slide_title", "three-slides.pptx"): ("SALES", "SALES"),
    ("example_first_title", "three-slides.pptx"): ("PLAN26", "PLAN26"),
    ("example_slide_count", "three-slides.pptx"): ("3 pages", "3页"),
}


@pytest.fixture(scope="module")
def engine(nano):
    engine = LocalEngine(nano.runner)
    yield engine
    engine.close()


def test_every_card_has_an_expected_answer():
    assert {(example.key, example.file) for spec in TABS for example in spec.examples} == set(
        EXPECTED
    )


@pytest.mark.parametrize(("key", "file"), EXPECTED)
async def test_a_card_is_answered(engine, nano, reader, key, file):
    parts = ()
    if file:
        parts = await reader.load(EXAMPLES / file, nano.info, Selection(), nano.info.media_tokens)
    for language, expected in zip(("en", "zh"), EXPECTED[key, file], strict=True):
        question = Strings(language)(key)
        sampling = SamplingParams(temperature=0, repetition_penalty=1.0, max_tokens=200)
        request = GenerationRequest(
            (Message("user", (*parts, question)),), sampling, f"{key} {file} {question}"
        )
        answer = "".join([delta.content async for delta in engine.generate(request)])
        assert expected in answer
