"""FakeLoader: loads engines over EchoRunners, and records what it does."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from echo_runner import EchoRunner

from webui.engine.loading.interface import LoadedModel
from webui.engine.planning.hardware import Card, Machine
from webui.engine.planning.plan import PlanOptions, make_plan
from webui.engine.serving.engine import LocalEngine
from webui.errors import ModelLoadError
from webui.protocol import ModelInfo, Progress
from webui.reasons import HubUnreachable

# Against a hang of a failing test.
GUARD_S = 60


def loaded_model(name: str, runner: EchoRunner, on_death) -> LoadedModel:
    engine = LocalEngine(runner, on_death=on_death)
    return LoadedModel(engine, ModelInfo(name, 1000), "CPU", 5, runner.slots)


@dataclass
class FakeLoader:
    """Loads wait for `may_load`, downloads of the sources in `remote` for `may_download`.

    Sources in `broken` cannot be loaded, those in `missing` not be downloaded; those in `engines`
    are loaded as that engine. The first loads use `runners`. `calls` lists the loads and frees in
    order, `choices` the choices of the loads, and `alive` the number of earlier runners that were
    still in memory at each load. `loading` is set once a load has begun.
    """

    broken: set = field(default_factory=set)
    engines: dict = field(default_factory=dict)
    may_load: Event = field(default_factory=Event)
    remote: set = field(default_factory=set)
    missing: set = field(default_factory=set)
    may_download: Event = field(default_factory=Event)
    loading: Event = field(default_factory=Event)
    step_s: float = 0.0
    gpu_bytes: int = 0
    runners: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    choices: list = field(default_factory=list)
    alive: list = field(default_factory=list)
    _loaded: list = field(default_factory=list)

    def plan(self, needs, quantization):
        cards = (Card("card", self.gpu_bytes, self.gpu_bytes),) if self.gpu_bytes else ()
        return make_plan(Machine(cards), needs, PlanOptions(quantization=quantization))

    def fetch(self, choice, report):
        if choice.source in self.remote:
            report(Progress("loading", 3, 9))
            assert self.may_download.wait(GUARD_S)
        if choice.source in self.missing:
            raise ModelLoadError(model=choice.info.name, reason=HubUnreachable("timed out"))
        return Path(choice.source)

    def load(self, choice, report, on_death):
        self.calls.append(f"load {choice.info.name}")
        self.choices.append(choice)
        self.alive.append(sum(runner() is not None for runner in self._loaded))
        report(Progress("loading", 1, 2))
        self.loading.set()
        assert self.may_load.wait(GUARD_S)
        if choice.source in self.broken:
            raise ModelLoadError(model=choice.info.name, reason=HubUnreachable("timed out"))
        if choice.source in self.engines:
            info = ModelInfo(choice.info.name, 1000)
            return LoadedModel(self.engines[choice.source], info, "elsewhere", 0, 9)
        runner = self.runners.pop(0) if self.runners else EchoRunner(step_s=self.step_s)
        self._loaded.append(weakref.ref(runner))
        return loaded_model(choice.info.name, runner, on_death)

    def free(self):
        self.calls.append("free")
        gc.collect()
