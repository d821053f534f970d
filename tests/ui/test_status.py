from pathlib import Path

import pytest

from webui.engine.loading.catalog import FLAGSHIP, choose
from webui.engine.planning.hardware import Card, Machine
from webui.engine.planning.plan import make_plan
from webui.errors import ModelLoadError
from webui.protocol import ModelInfo, ModelStatus
from webui.reasons import DeviceOutOfMemory, HubUnreachable, Unexpected
from webui.ui.header.status import notice_text, status_html, title_html
from webui.ui.i18n.strings import Strings

EN, ZH = Strings("en"), Strings("zh")


def card(gigabytes, **more):
    return Card("card", gigabytes * 10**9, gigabytes * 10**9, **more)


@pytest.mark.parametrize(
    ("machine", "english", "chinese"),
    [
        (Machine(), "No CUDA device was found.", "没有找到 CUDA"),
        (
            Machine(driver=535, cuda="13.0"),
            "driver 535 is too old for CUDA 13.0, which needs 580",
            "535 对 CUDA 13.0",
        ),
        (Machine(driver=580), "built without CUDA", "不带 CUDA"),
        (
            Machine((card(8),)),
            "Card has 8.0 GB free of 8.0 GB; 4 bit with 1 conversation",
            "空闲 8.0 GB",
        ),
    ],
)
def test_a_refused_plan_is_a_notice_in_each_language(machine, english, chinese):
    notice = choose("auto", "auto", make_plan(machine, FLAGSHIP.needs), Path("nano")).notice
    assert english in notice_text(notice, EN)
    assert chinese in notice_text(notice, ZH)


def test_a_failed_load_is_the_notice_of_the_model_that_replaces_it():
    notice = ModelLoadError(model="GLM", reason=HubUnreachable("refused"))
    assert notice_text(notice, ZH) == "GLM 无法加载：连不上模型库。请检查网络，或改用本地文件夹。"
    unexpected = ModelLoadError(model="GLM", reason=Unexpected("a riddle"))
    assert notice_text(unexpected, ZH) == "GLM 无法加载：a riddle"


def test_the_header_says_why_a_model_failed():
    error = ModelLoadError(model="GLM", reason=DeviceOutOfMemory("CPU"))
    failed = ModelStatus("failed", ModelInfo("GLM", 8192), failure=error)
    assert "GLM 无法加载：CPU 的内存用完了" in status_html(failed, ZH, named=False)


def test_the_title_carries_the_language_and_fonts_that_differ():
    assert 'lang="zh" data-fonts=""' in title_html(ZH)
    japanese = title_html(Strings("ja"))
    assert 'lang="ja"' in japanese
    assert "&quot;Hiragino Sans&quot;" in japanese
