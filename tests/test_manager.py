"""Loading in the background: what is chosen, what is told, and what a failure does."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import pytest
from test_local import SpellingRunner, collect, request, text_of

from webui.engine.catalog import FLAGSHIP, choose
from webui.engine.manager import ModelManager
from webui.errors import ModelLoadError
from webui.protocol import ModelInfo, Progress

BUNDLED = Path("bundled")


@dataclass
class FakeLoad:
    """Loads a SpellingRunner once `go` is set; sources in `broken` fail."""

    broken: tuple[str, ...] = ()
    go: Event = field(default_factory=Event)
    seen: list = field(default_factory=list)
    runner: SpellingRunner = field(default_factory=SpellingRunner)
    info: ModelInfo = field(default_factory=lambda: ModelInfo("loaded", 1000))
    device: str = "CPU"
    memory_bytes: int = 5

    def __call__(self, choice, device, slots, context, report):
        self.seen.append(choice)
        report(Progress("loading", 1, 2))
        self.go.wait(10)
        if choice.source in self.broken:
            raise ModelLoadError(model=choice.info.name, reason="the hub cannot be reached")
        return self


def manager(load: FakeLoad, model: str = "nano", gpu: int = 0, quantization: str = "none") -> ModelManager:
    made = ModelManager(
        model,
        quantization=quantization,
        device="auto",
        slots=0,
        context_length=0,
        bundled=BUNDLED,
        load=load,
        gpu_bytes=lambda: gpu,
    )
    made.start()
    return made


def settled(made: ModelManager, state: str) -> None:
    end = monotonic() + 10
    while made.status().state != state and monotonic() < end:
        sleep(0.01)
    assert made.status().state == state


async def test_a_request_waits_for_the_model_and_is_told_how_far_it_is():
    load = FakeLoad()
    made = manager(load)
    stream = made.generate(request("hi"))
    first = await anext(stream)
    assert (await anext(stream)).progress == Progress("loading", 1, 2)
    load.go.set()
    assert first.progress.phase == "loading"
    assert text_of([delta async for delta in stream]) == "hi"
    await asyncio.to_thread(made.close)


async def test_a_request_can_be_stopped_while_the_model_loads():
    load = FakeLoad()
    made = manager(load)
    stream = made.generate(request("hi", "x"))
    await anext(stream)
    made.abort("x")
    assert (await anext(stream)).finish_reason == "abort"
    load.go.set()


async def test_a_failed_load_is_a_state_and_an_answer():
    load = FakeLoad(broken=("some/model",))
    load.go.set()
    made = manager(load, "some/model")
    with pytest.raises(ModelLoadError, match="cannot be reached"):
        await collect(made, request("hi"))
    assert made.status().state == "failed"
    assert "cannot be reached" in made.status().reason
    made.abort("x")
    made.close()


def test_auto_falls_back_to_the_bundled_model_and_says_so():
    load = FakeLoad(broken=(FLAGSHIP.source,))
    load.go.set()
    made = manager(load, "auto", gpu=40 * 10**9)
    settled(made, "ready")
    assert [choice.source for choice in load.seen] == [FLAGSHIP.source, str(BUNDLED)]
    assert "cannot be reached" in made.status().notice
    made.close()


def test_a_model_asked_for_by_name_never_falls_back():
    load = FakeLoad(broken=(FLAGSHIP.source,))
    load.go.set()
    made = manager(load, FLAGSHIP.source, gpu=40 * 10**9)
    settled(made, "failed")


@pytest.mark.parametrize(
    ("gpu", "quantization", "source", "chosen"),
    [
        (0, "none", str(BUNDLED), "none"),
        (8, "none", str(BUNDLED), "none"),
        (12, "none", FLAGSHIP.source, "4bit"),
        (24, "none", FLAGSHIP.source, "none"),
        (24, "4bit", FLAGSHIP.source, "4bit"),
        (16, "8bit", FLAGSHIP.source, "8bit"),
    ],
)
def test_auto_chooses_by_gpu_memory(gpu, quantization, source, chosen):
    choice = choose("auto", quantization, gpu * 10**9, BUNDLED)
    assert (choice.source, choice.quantization) == (source, chosen)
    assert bool(choice.notice) == (source == str(BUNDLED))


def test_a_path_or_hub_id_is_taken_as_it_is():
    assert choose("some/model", "8bit", 0, BUNDLED).quantization == "8bit"
    assert choose("some/model", "none", 0, BUNDLED).info.name == "model"
    assert choose("nano", "4bit", 10**12, BUNDLED).source == str(BUNDLED)
