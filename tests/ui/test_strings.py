import string

import pytest

from webui import errors
from webui.errors import MixedMediaError, PageRangeError, WebUIError
from webui.ui.i18n.errors_zh import ERRORS_ZH
from webui.ui.i18n.strings import TEXTS, Strings, file_size, language_of


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def error_classes():
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, WebUIError)
    ]


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_say_every_text_with_the_same_values(key):
    english, chinese = TEXTS[key]
    assert english.strip()
    assert chinese.strip()
    assert placeholders(english) == placeholders(chinese)


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_every_error_is_told_in_chinese_with_the_same_values(kind):
    if kind is not WebUIError:
        assert placeholders(ERRORS_ZH[kind.__name__]) == placeholders(kind.template)


def test_no_chinese_text_for_an_error_that_does_not_exist():
    assert set(ERRORS_ZH) <= {kind.__name__ for kind in error_classes()}


def test_an_error_speaks_the_readers_language():
    error = PageRangeError(value="9-3", name="a.pdf", pages=4)
    assert Strings("en").error(error) == str(error)
    assert "共 4 页" in Strings("zh").error(error)
    assert Strings("zh").error(MixedMediaError()).startswith("图片和视频")


@pytest.mark.parametrize(
    ("header", "language"), [("zh-CN,zh;q=0.9", "zh"), ("en-US,zh;q=0.5", "en"), ("", "en")]
)
def test_the_first_language_of_the_browser_counts(header, language):
    assert language_of(header) == language


def test_numbers_are_short():
    t = Strings("en")
    assert (t.seconds(0.42), t.seconds(18.3), t.tokens(9400)) == ("0.4 s", "18 s", "9,400 tokens")
    assert (file_size(100 * 1024**2), file_size(2_202_010), file_size(12)) == (
        "100 MB",
        "2.1 MB",
        "12 B",
    )
