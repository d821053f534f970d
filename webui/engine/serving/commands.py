"""What callers put into the worker's inbox."""

from __future__ import annotations

from dataclasses import dataclass

from webui.engine.sequence import Sequence
from webui.engine.serving.output_stream import OutputStream


@dataclass(frozen=True, slots=True)
class AddRequest:
    sequence: Sequence
    stream: OutputStream


@dataclass(frozen=True, slots=True)
class Abort:
    request_id: str


@dataclass(frozen=True, slots=True)
class AnswerNow:
    request_id: str


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The last message."""


EngineCommand = AddRequest | Abort | AnswerNow | Shutdown
