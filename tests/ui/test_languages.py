"""Every language has every text, error and reason, with the same values."""

import re
import string

import pytest
from page_server import ROOT

from webui import errors
from webui.errors import ModelLoadError, WebUIError
from webui.reasons import Reason, Unexpected
from webui.ui.i18n.strings import LANGUAGES, Strings

ENGLISH = LANGUAGES["en"]
OTHERS = [code for code in LANGUAGES if code != "en"]
# Letters that only that language's script has.
SCRIPT = {"zh": re.compile(r"[\u4e00-\u9fff]"), "ja": re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")}
# Placeholders and names, which are the same everywhere; a text of these alone needs no translation.
NAME = re.compile(r"\{\w*\}|GLM-4.1V Thinking|PDF|PPTX?|Top-[pk]")


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def error_classes():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return [kind for kind in kinds if issubclass(kind, WebUIError) and kind is not WebUIError]


def by_name(kinds):
    return {kind.__name__: kind for kind in kinds}


ERRORS, REASONS = by_name(error_classes()), by_name(Reason.__subclasses__())


@pytest.mark.parametrize("code", LANGUAGES)
def test_texts_have_the_same_keys_and_values_as_in_english(code):
    texts = LANGUAGES[code].texts
    assert list(texts) == list(ENGLISH.texts)
    for key, text in texts.items():
        assert text.strip(), key
        assert placeholders(text) == placeholders(ENGLISH.texts[key]), key


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_is_left_in_english(code):
    language = LANGUAGES[code]
    tables = (language.texts, language.errors, language.reasons)
    assert not {
        key: text
        for table in tables
        for key, text in table.items()
        if re.search("[A-Za-z]", NAME.sub("", text)) and not SCRIPT[code].search(text)
    }


@pytest.mark.parametrize("code", OTHERS)
def test_every_error_is_translated_with_the_same_values(code):
    templates = LANGUAGES[code].errors
    assert set(templates) == set(ERRORS)
    for name, template in templates.items():
        assert placeholders(template) == placeholders(ERRORS[name].template), name


@pytest.mark.parametrize("code", OTHERS)
def test_every_reason_is_translated_with_the_same_values(code):
    templates = LANGUAGES[code].reasons
    assert set(templates) == set(REASONS)
    for name, template in templates.items():
        # "detail" is the English message of a library; only Chinese and English differ by number.
        expected = placeholders(REASONS[name].template) - {"detail", "plural"}
        assert placeholders(template) == expected, name


def test_english_shortens_only_reasons_that_exist_and_keeps_their_values():
    for name, template in ENGLISH.reasons.items():
        assert placeholders(template) == placeholders(REASONS[name].template) - {"detail"}, name
    assert not ENGLISH.errors


@pytest.mark.parametrize("code", LANGUAGES)
def test_what_a_library_says_stays_as_it_is(code):
    error = ModelLoadError(model="GLM", reason=Unexpected("a {riddle}"))
    assert "a {riddle}" in Strings(code).error(error)


def test_only_the_file_of_a_language_knows_its_code():
    sources = [path for path in (ROOT / "webui").rglob("*.py") if path.stem not in LANGUAGES]
    assert len(sources) > 100
    quoted = re.compile("|".join(f"""["']{code}["']""" for code in LANGUAGES))
    assert not [path.name for path in sources if quoted.search(path.read_text("utf-8"))]
