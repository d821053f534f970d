"""What callers put into the worker's inbox."""

from __future__ import annotations

from dataclasses import dataclass

from webui.engine.sequence import Sequence
from webui.engine.serving.output_stream import Stream


@dataclass(frozen=True, slots=True)
class Join:
    sequence: Sequence
    stream: Stream


@dataclass(frozen=True, slots=True)
class Abort:
    request_id: str


@dataclass(frozen=True, slots=True)
class AnswerNow:
    request_id: str


@dataclass(frozen=True, slots=True)
class Close:
    """The last message."""


Letter = Join | Abort | AnswerNow | Close
