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


def test_a_load_that_failed_is_told():
    notice = str(ModelLoadError(model="GLM", reason="the hub cannot be reached (refused). Check the network."))
    assert notice_text(notice, ZH) == "GLM 无法加载：连不上模型库。请检查网络，或改用本地文件夹。"
    assert notice_text(str(ModelLoadError(model="GLM", reason="a riddle")), ZH) == "GLM 无法加载：a riddle"


def test_what_nobody_knows_stays_as_it_is():
    assert notice_text("something else", ZH) == "something else"
