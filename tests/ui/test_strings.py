import pytest

from webui.errors import EngineStoppedError, MixedMediaError, ModelLoadError, PageRangeError
from webui.reasons import (
    CardTooSmall,
    DeviceOutOfMemory,
    EngineClosed,
    EngineStoppedBefore,
    HubUnreachable,
    WeightsTooLarge,
)
from webui.ui.i18n.strings import Strings, file_size, language_of

EN, ZH = Strings("en"), Strings("zh")


def test_an_error_has_a_text_in_each_language():
    error = PageRangeError(value="9-3", name="a.pdf", pages=4)
    assert EN.error(error) == str(error)
    assert "共 4 页" in ZH.error(error)
    assert ZH.error(MixedMediaError()).startswith("图片和视频")


def test_a_subclass_has_the_text_of_its_base():
    class EngineLostError(EngineStoppedError):
        pass

    lost = EngineLostError(reason="boom")
    assert ZH.error(lost) == ZH.error(EngineStoppedError(reason="boom"))
    assert "停止" in ZH.error(lost)


def test_numbers_and_names_of_a_reason_are_kept():
    text = ZH.reason(WeightsTooLarge(16, 1.04, "CPU"))
    assert text.startswith("权重需要 16.0 GB 内存，而 CPU 上只有 1.0 GB 可用。")
    assert "4 conversations of" in EN.reason(
        CardTooSmall("L4", 1, 2, "4 bit", slots=4, tokens=8192, needed_gb=9)
    )


def test_the_details_of_a_library_are_for_the_log_only():
    reason = HubUnreachable("Got: ConnectError")
    assert EN.reason(reason) == "the hub cannot be reached. Check the network, or give a folder."
    assert ZH.reason(reason) == "连不上模型库。请检查网络，或改用本地文件夹。"


def test_a_reason_within_an_error_or_a_reason_is_translated():
    error = ModelLoadError(model="GLM", reason=DeviceOutOfMemory("CPU"))
    assert ZH.error(error) == (
        "GLM 无法加载：CPU 的内存用完了。请用 --quantization 4bit，或释放内存。"
    )
    assert ZH.reason(EngineStoppedBefore(DeviceOutOfMemory("CPU"))).startswith("CPU 的内存用完了")
    assert "已关闭" in ZH.error(EngineStoppedError(reason=EngineClosed()))


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9", "zh"),
        ("ja-JP,ja;q=0.9,en;q=0.8", "ja"),
        ("en-US,zh;q=0.5", "en"),
        ("fr,ja;q=0.5", "en"),
        ("", "en"),
    ],
)
def test_the_first_language_of_the_browser_counts(header, language):
    assert language_of(header) == language


def test_an_unknown_language_is_english():
    assert Strings("xx")("new_chat") == EN("new_chat")


def test_numbers_are_short():
    assert (EN.seconds(0.42), EN.seconds(18.3), EN.tokens(9400)) == (
        "0.4 s",
        "18 s",
        "9,400 tokens",
    )
    assert (file_size(100 * 1024**2), file_size(2_202_010), file_size(12)) == (
        "100 MB",
        "2.1 MB",
        "12 B",
    )
