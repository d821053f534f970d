from pathlib import Path

import pytest

from webui.engine.loading.catalog import FLAGSHIP, choose
from webui.engine.planning.hardware import Card, Machine
from webui.engine.planning.plan import make_plan
from webui.errors import ModelLoadError
from webui.ui.header.notices import notice_text
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
def test_why_no_card_will_do_is_said_in_both_languages(machine, english, chinese):
    notice = choose("auto", "auto", make_plan(machine, FLAGSHIP.needs), Path("nano")).notice
    assert english in notice_text(notice, EN)
    assert chinese in notice_text(notice, ZH)


def test_a_load_that_failed_is_told():
    notice = str(
        ModelLoadError(
            model="GLM", reason="the hub cannot be reached (refused). Check the network."
        )
    )
    assert notice_text(notice, ZH) == "GLM 无法加载：连不上模型库。请检查网络，或改用本地文件夹。"
    assert (
        notice_text(str(ModelLoadError(model="GLM", reason="a riddle")), ZH)
        == "GLM 无法加载：a riddle"
    )


def test_what_nobody_knows_stays_as_it_is():
    assert notice_text("something else", ZH) == "something else"
