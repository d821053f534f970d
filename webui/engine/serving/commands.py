"""EngineCommand: what callers send to the worker thread."""

from __future__ import annotations

from dataclasses import dataclass

from webui.engine.sequence import Sequence
from webui.engine.serving.output_stream import OutputStream
from webui.protocol import FinishReason


@dataclass(frozen=True, slots=True)
class AddRequest:
    sequence: Sequence
    stream: OutputStream


@dataclass(frozen=True, slots=True)
class FinishRequest:
    request_id: str
    reason: FinishReason


@dataclass(frozen=True, slots=True)
class AnswerNow:
    request_id: str


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Ends the worker thread; the last command."""


EngineCommand = AddRequest | FinishRequest | AnswerNow | Shutdown
