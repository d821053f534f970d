"""The bundled model answers the question of every example card, in both of its languages."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from webui.engine.serving.engine import LocalEngine
from webui.media.reader import MediaReader, Selection, find_office
from webui.protocol import GenerationRequest, MediaLimits, Message, SamplingParams
from webui.ui.i18n.strings import Strings
from webui.ui.tab_specs import TABS

EXAMPLES = Path(__file__).parents[1] / "assets" / "examples"
LANGUAGES = ("en", "zh")
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
def answers(nano):
    """Return the answers by key, file and language: each file is read once, all cards ask at once.

    A failure stands in the place of its answer.
    """
    reader = MediaReader(MediaLimits(), office=find_office())
    with closing(LocalEngine(nano.runner)) as engine, closing(reader):
        return asyncio.run(answer_cards(engine, reader, nano.info))


async def answer_cards(engine, reader, info):
    async def load(file):
        return await reader.load(EXAMPLES / file, info, Selection(), info.media_tokens)

    async def ask(key, file, language):
        parts = await loads[file] if file else ()
        question = Strings(language)(key)
        sampling = SamplingParams(temperature=0, repetition_penalty=1.0, max_tokens=200)
        message = Message("user", (*parts, question))
        request = GenerationRequest((message,), sampling, f"{key} {file} {language}")
        return "".join([delta.content async for delta in engine.generate(request)])

    loads = {file: asyncio.ensure_future(load(file)) for _, file in EXPECTED if file}
    cards = [(*card, language) for card in EXPECTED for language in LANGUAGES]
    results = await asyncio.gather(*(ask(*card) for card in cards), return_exceptions=True)
    return dict(zip(cards, results, strict=True))


def test_every_card_has_an_expected_answer():
    assert {(example.key, example.file) for spec in TABS for example in spec.examples} == set(
        EXPECTED
    )


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("key", "file"), EXPECTED)
def test_a_card_is_answered(answers, key, file, language):
    answer = answers[key, file, language]
    assert isinstance(answer, str), answer
    assert EXPECTED[key, file][LANGUAGES.index(language)] in answer
