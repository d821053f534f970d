"""What the engine says of a model that could not be loaded is known to the page, in both languages."""

import errno
import json
import re

import httpx
import pytest
from huggingface_hub.errors import RepositoryNotFoundError

from webui.engine.loading.catalog import FLAGSHIP, Choice
from webui.engine.loading.checkpoint import Checkpoint, Tensor, read_checkpoint
from webui.engine.loading.download import download
from webui.engine.loading.interface import CheckpointLoader
from webui.engine.loading.loader import on_cpu
from webui.engine.loading.self_test import unfit
from webui.engine.planning.hardware import Card, Machine
from webui.engine.planning.plan import PlanOptions, make_plan
from webui.errors import ModelLoadError
from webui.protocol import ModelInfo
from webui.ui.header.status import status_html
from webui.ui.i18n.load_failures import KNOWN, reason_text
from webui.ui.i18n.strings import Strings

CHINESE = re.compile(r"[\u4e00-\u9fff]")
TEXT = {
    "hidden_size": 1,
    "intermediate_size": 1,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
    "max_position_embeddings": 1,
}
# Worded where a card or bitsandbytes is needed to fail, or a whole model.
LITERAL = (
    unfit(ValueError("head_dim")),
    "it stopped 3 times in a row without an answer, at last because of this: device-side assert",
    "CUDA error: device-side assert. Its engine stopped before. If the GPU is lost to this process, start it again.",
    "no memory is left for a conversation of 8,192 tokens. Use --quantization 4bit or a smaller --context-length.",
    "the memory of NVIDIA H200 ran out. Use --quantization 4bit, or free some memory.",
    "bitsandbytes does not pack to 4bit here (No module named 'bitsandbytes'); accepted: none.",
)


def fetching(error=None, size=1):
    """The reason why a download fails."""

    def fetch(source, dry_run=False, **_):
        if dry_run:
            return [type("File", (), {"file_size": size, "will_download": True})]
        raise error

    return why(lambda: download("org/GLM", "GLM", print, fetch=fetch, free_bytes=lambda: 10**9))


def why(act):
    with pytest.raises(ModelLoadError) as caught:
        act()
    return caught.value.params["reason"]


def weights(quantization):
    checkpoint = Checkpoint("", TEXT, {"a": Tensor((10**9, 4), 16 * 10**9)})
    choice = Choice("org/GLM", quantization, ModelInfo("GLM", 8192))
    return why(lambda: on_cpu(checkpoint, choice, free_bytes=10**9))


def planned(machine, **wishes):
    return make_plan(machine, FLAGSHIP.needs, PlanOptions(**wishes)).reason


def reading(folder, **files):
    """The reason why a folder of these files is no checkpoint."""
    folder.mkdir()
    whole = {
        "config": '{"model_type": "glm4v"}',
        "preprocessor_config": "{}",
        "tokenizer": "{}",
    } | files
    for name, text in whole.items():
        (folder / f"{name}.json").write_text(text)
    if "shard" in files:
        (folder / "model.safetensors").write_text(files["shard"])
    return why(lambda: read_checkpoint(folder, "GLM"))


@pytest.fixture
def reasons(tmp_path):
    return [
        fetching(OSError("Connection\nrefused")),
        fetching(
            RepositoryNotFoundError(
                "no", response=httpx.Response(404, request=httpx.Request("GET", "http://a"))
            )
        ),
        fetching(OSError(errno.ENOSPC, "full")),
        fetching(size=10**12),
        planned(Machine(), device="cuda:7") + ".",
        planned(Machine()),
        planned(Machine(driver=535, cuda="13.0")),
        planned(Machine(driver=580)),
        planned(Machine((Card("card", 8 * 10**9, 7 * 10**9),))),
        CheckpointLoader("cpu").plan(FLAGSHIP.needs, "auto").reason,
        weights("none"),
        weights("4bit"),
        reading(tmp_path / "a"),
        reading(tmp_path / "b", config=json.dumps({"model_type": "llama"})),
        reading(tmp_path / "c", config="{"),
        reading(tmp_path / "d", config="[]"),
        reading(tmp_path / "e", shard="no"),
        *LITERAL,
    ]


def test_every_reason_is_known_in_both_languages(reasons):
    used = set()
    for reason in reasons:
        english, chinese = (reason_text(reason, chinese=chinese) for chinese in (False, True))
        assert CHINESE.search(chinese), reason
        assert english[:12] == reason[:12]
        used.add(
            next(
                place
                for place, (pattern, *_) in enumerate(KNOWN)
                if re.fullmatch(pattern, reason, re.DOTALL)
            )
        )
    assert used == set(range(len(KNOWN)))


def test_numbers_and_names_are_kept():
    reason = weights("none")
    assert reason_text(reason, chinese=True).startswith(
        "权重需要 16.0 GB 内存，而 CPU 上只有 1.0 GB 可用。"
    )
    assert reason_text("something else", chinese=True) == "something else"


def test_the_page_tells_it_in_the_readers_language():
    error = ModelLoadError(
        model="GLM",
        reason="the memory of CPU ran out. Use --quantization 4bit, or free some memory.",
    )
    assert (
        Strings("zh").error(error)
        == "GLM 无法加载：CPU 的内存用完了。请用 --quantization 4bit，或释放内存。"
    )
    assert Strings("en").error(error) == str(error)
    failed = type("Status", (), {"state": "failed", "reason": str(error), "progress": None})
    assert "GLM 无法加载：CPU 的内存用完了" in status_html(failed, Strings("zh"), named=False)
