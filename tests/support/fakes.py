"""Fakes of the packages below: an engine that answers from a script, at once or step by step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from webui.errors import EngineStoppedError
from webui.protocol import (
    Delta,
    FinishReason,
    GenerationRequest,
    ModelInfo,
    ModelStatus,
    Progress,
    Usage,
)

SCRIPT = (
    Delta(progress=Progress("prefill", 10, 10)),
    Delta(reasoning="I see a red circle.", progress=Progress("thinking", 5, 64)),
    Delta(content="A red ", progress=Progress("answering", 7, 64)),
    Delta(content="circle.", progress=Progress("answering", 9, 64)),
    Delta(finish_reason="stop", usage=Usage(10, 9, 5)),
)
READY = ModelStatus("ready", ModelInfo("fake", 4096), device="CPU", memory_bytes=10_000_000)


@dataclass
class FakeEngine:
    """Yields `script` for every request, `step_s` apart, and then raises `error`.

    After `answer_now` a request yields no more reasoning. `others` are models beside the one of
    `model_status`. `started` and `ended` are set when a request starts and ends.
    """

    script: Sequence[Delta] = SCRIPT
    error: Exception | None = None
    step_s: float = 0.0
    model_status: ModelStatus = READY
    requests: list[GenerationRequest] = field(default_factory=list)
    finish_reasons: dict[str, FinishReason] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    answer_now_requested: set[str] = field(default_factory=set)
    others: tuple[ModelStatus, ...] = ()
    prepared: list[str] = field(default_factory=list)
    closed: bool = False
    started: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def generate(self, request: GenerationRequest) -> AsyncIterator[Delta]:
        self.requests.append(request)
        self.running.add(request.id)
        self.started.set()
        try:
            for delta in self.script:
                await asyncio.sleep(self.step_s)
                if self.closed:
                    raise EngineStoppedError(reason="it was closed")
                if reason := self.finish_reasons.get(request.id):
                    yield Delta(finish_reason=reason, usage=Usage(10, 3, 3))
                    return
                if delta.reasoning and request.id in self.answer_now_requested:
                    continue
                yield delta
            if self.error is not None:
                raise self.error
        finally:
            self.running.discard(request.id)
            self.ended.set()

    @property
    def aborted(self) -> set[str]:
        return {name for name, reason in self.finish_reasons.items() if reason == "abort"}

    def abort(self, request_id: str) -> None:
        self.finish(request_id, "abort")

    def finish(self, request_id: str, reason: FinishReason) -> None:
        self.finish_reasons.setdefault(request_id, reason)

    def answer_now(self, request_id: str) -> None:
        self.answer_now_requested.add(request_id)

    def close(self) -> None:
        self.closed = True

    def status(self, name: str = "") -> ModelStatus:
        return next(
            (status for status in self.statuses() if status.info.name == name), self.model_status
        )

    def statuses(self) -> tuple[ModelStatus, ...]:
        return (self.model_status, *self.others)

    def prepare(self, name: str) -> None:
        self.prepared.append(name)
