from pathlib import Path

import pytest

from webui.engine.catalog import choose
from webui.errors import ModelLoadError
from webui.ui.notices import notice_text
from webui.ui.strings import Strings

EN, ZH = Strings("en"), Strings("zh")


@pytest.mark.parametrize("quantization", ["none", "8bit", "4bit"])
def test_what_the_catalog_says_is_known(quantization):
    notice = choose("auto", quantization, 0, Path("nano")).notice
    assert notice_text(notice, EN).startswith("No GPU of 1")
    assert notice_text(notice, ZH).startswith("没有找到 1")


@pytest.mark.parametrize(
    ("reason", "chinese"),
    [
        ("the hub cannot be reached (Connection\nrefused)", "GLM 无法加载：连不上模型库。"),
        (
            "the hub has no model a/GLM, or it needs a token (HF_TOKEN).",
            "GLM 无法加载：模型库里没有 a/GLM，或者需要令牌（HF_TOKEN）。",
        ),
        (
            "no memory is left for a conversation of 8,192 tokens. Use --quantization 4bit.",
            "GLM 无法加载：内存不够容纳 8,192 个词元的对话。",
        ),
        ("its type is llama.", "GLM 无法加载：its type is llama."),
    ],
)
def test_a_load_that_failed_is_told(reason, chinese):
    assert notice_text(str(ModelLoadError(model="GLM", reason=reason)), ZH) == chinese


def test_what_nobody_knows_stays_as_it_is():
    assert notice_text("something else", ZH) == "something else"
