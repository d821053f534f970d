"""What loading a model is to those above it: a Protocol, and the real one, which imports torch when it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from webui.engine.loading.catalog import Choice
from webui.engine.planning.needs import Needs
from webui.engine.planning.plan import Plan, PlanOptions, refused_plan
from webui.engine.serving.runner_protocol import Runner
from webui.protocol import ModelInfo, Progress
from webui.reasons import CpuChosen


class LoadedModel(Protocol):
    """A model on its device."""

    @property
    def runner(self) -> Runner: ...
    @property
    def info(self) -> ModelInfo: ...
    @property
    def device(self) -> str: ...
    @property
    def memory_bytes(self) -> int: ...
    @property
    def precision(self) -> str: ...


class Loader(Protocol):
    """All of it but `fetch` is called from the loading thread."""

    def plan(self, needs: Needs, quantization: str) -> Plan:
        """How such a checkpoint would run on this machine's cards."""
        ...

    def fetch(self, choice: Choice, report: Callable[[Progress], None]) -> Path:
        """The folder of its files, downloaded if need be; on a thread of its own. Raises ModelLoadError as `load`."""
        ...

    def load(self, choice: Choice, report: Callable[[Progress], None]) -> LoadedModel:
        """`choice.source` is a folder. Raises ModelLoadError with a reason that a person can act on."""
        ...

    def free(self) -> None:
        """Give the memory back of a model that nobody refers to any more."""
        ...


@dataclass(frozen=True, slots=True)
class CheckpointLoader:
    """`slots` and `context_length` 0 mean: decided from the free memory."""

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

    def fetch(self, choice: Choice, report: Callable[[Progress], None]) -> Path:
        from webui.engine.loading.download import fetch

        return fetch(choice.source, choice.info.name, report)

    def load(self, choice: Choice, report: Callable[[Progress], None]) -> LoadedModel:
        from webui.engine.loading import loader

        return loader.load(choice, self.device, self.slots, self.context_length, report)

    def free(self) -> None:
        from webui.engine.loading import loader

        loader.free()
