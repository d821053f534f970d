"""Loader: makes an engine for a choice of a model. CheckpointLoader imports torch on first use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from webui.engine.loading.catalog import Choice
from webui.engine.planning.needs import Needs
from webui.engine.planning.plan import Plan, PlanOptions, refused_plan
from webui.engine.serving.engine import LocalEngine
from webui.engine.serving.engine_errors import EngineDeath
from webui.protocol import Engine, ModelInfo, Progress
from webui.reasons import CpuChosen

Report = Callable[[Progress], None]
OnDeath = Callable[[EngineDeath], None]


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is ready to answer, and what its status shows.

    `memory_bytes` is the size of the weights; `precision` is "" on a CPU; `slots` is the number of
    conversations that fit at once.
    """

    engine: Engine
    info: ModelInfo
    device: str
    memory_bytes: int
    slots: int
    precision: str = ""


class Loader(Protocol):
    """Makes engines. Only the model thread calls the methods, except for `fetch`."""

    def plan(self, needs: Needs, quantization: str) -> Plan:
        """Return how such a checkpoint would run on the cards of this machine."""
        ...

    def fetch(self, choice: Choice, report: Report) -> Path:
        """Return the folder of the files, after downloading what is missing.

        Called on a thread of its own. Raises ModelLoadError.
        """
        ...

    def load(self, choice: Choice, report: Report, on_death: OnDeath) -> LoadedModel:
        """Load the files in the folder `choice.source`, and start an engine over them.

        The engine calls `on_death`, on a thread of its own, if it ends without being closed.
        Raises ModelLoadError.
        """
        ...

    def free(self) -> None:
        """Give back the memory of engines that nothing refers to any more."""
        ...


@dataclass(frozen=True, slots=True)
class CheckpointLoader:
    """Loads checkpoints onto `device`, each with a LocalEngine over it.

    `slots` and `context_length` 0 are decided from the free memory.
    """

    device: str = "auto"
    slots: int = 0
    context_length: int = 0

    def plan(self, needs: Needs, quantization: str) -> Plan:
        if self.device == "cpu":
            return refused_plan(CpuChosen())
        from webui.engine.loading import loader

        return loader.plan_for(
            needs, PlanOptions(self.device, quantization, self.slots, self.context_length)
        )

    def fetch(self, choice: Choice, report: Report) -> Path:
        from webui.engine.loading.download import fetch_checkpoint

        return fetch_checkpoint(choice.source, choice.info.name, report)

    def load(self, choice: Choice, report: Report, on_death: OnDeath) -> LoadedModel:
        from webui.engine.loading import loader

        loaded = loader.load(choice, self.device, self.slots, self.context_length, report)
        return LoadedModel(
            LocalEngine(loaded.runner, on_death=on_death),
            loaded.info,
            loaded.device,
            loaded.memory_bytes,
            loaded.runner.slots,
            loaded.precision,
        )

    def free(self) -> None:
        from webui.engine.loading import loader

        loader.free()
