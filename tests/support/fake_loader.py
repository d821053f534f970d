"""A loader that loads spelling runners, at once or when it is told to, and keeps a diary."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from echo_runner import EchoRunner

from webui.engine.planning.hardware import Card, Machine
from webui.engine.planning.plan import PlanOptions, make_plan
from webui.errors import ModelLoadError
from webui.protocol import ModelInfo, Progress
from webui.reasons import HubUnreachable


@dataclass
class Spelling:
    """What a load returns."""

    info: ModelInfo
    runner: EchoRunner
    device: str = "CPU"
    memory_bytes: int = 5
    precision: str = ""


@dataclass
class FakeLoader:
    """Loads once `go` is set; sources in `broken` fail. Files of those in `far` come once `arrived` is set, if not
    `lost`. The first loads return the `runners`.

    `diary` tells what was done in which order; `alive` how many earlier runners there still were at each load.
    """

    broken: set = field(default_factory=set)
    go: Event = field(default_factory=Event)
    far: set = field(default_factory=set)
    lost: set = field(default_factory=set)
    arrived: Event = field(default_factory=Event)
    step_s: float = 0.0
    gpu: int = 0
    runners: list = field(default_factory=list)
    diary: list = field(default_factory=list)
    seen: list = field(default_factory=list)
    alive: list = field(default_factory=list)
    _runners: list = field(default_factory=list)

    def plan(self, needs, quantization):
        cards = (Card("card", self.gpu, self.gpu),) if self.gpu else ()
        return make_plan(Machine(cards), needs, PlanOptions(quantization=quantization))

    def fetch(self, choice, report):
        if choice.source in self.far:
            report(Progress("loading", 3, 9))
            self.arrived.wait(10)
        if choice.source in self.lost:
            raise ModelLoadError(model=choice.info.name, reason=HubUnreachable("a test"))
        return Path(choice.source)

    def load(self, choice, report):
        self.diary.append(f"load {choice.info.name}")
        self.seen.append(choice)
        self.alive.append(sum(runner() is not None for runner in self._runners))
        report(Progress("loading", 1, 2))
        self.go.wait(10)
        if choice.source in self.broken:
            raise ModelLoadError(model=choice.info.name, reason=HubUnreachable("a test"))
        runner = self.runners.pop(0) if self.runners else EchoRunner(step_s=self.step_s)
        self._runners.append(weakref.ref(runner))
        return Spelling(ModelInfo(choice.info.name, 1000), runner)

    def free(self):
        self.diary.append("free")
        gc.collect()
