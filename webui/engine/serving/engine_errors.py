"""Errors that end an engine, and how an unexpected exception reaches the requests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from webui.engine.sequence import Sequence
from webui.errors import EngineStoppedError, WebUIError
from webui.reasons import EngineClosed


@dataclass(frozen=True, slots=True)
class EngineDeath:
    """Why an engine cannot go on, and whether any request has received its whole answer from it."""

    reason: str
    has_answered: bool


class EngineDiedError(EngineStoppedError):
    """Raised by the requests of an engine that cannot go on. ModelManager retries them elsewhere.

    `suspect`: the request took part in the pass that the engine died of.
    """

    def __init__(self, reason: str, *, suspect: bool) -> None:
        super().__init__(reason=reason)
        self.suspect = suspect


class DeviceDeadError(Exception):
    """Ends the worker: the device is lost, or the runner's bookkeeping is inconsistent.

    `suspects` are the ids of the requests in the last pass.
    """

    def __init__(self, reason: str, sequences: Collection[Sequence] = ()) -> None:
        super().__init__(reason)
        self.suspects = frozenset(sequence.id for sequence in sequences)


def to_webui_error(error: Exception) -> WebUIError:
    """Return a new error with a message for users; an unknown one becomes EngineStoppedError.

    A new one, because the traceback of the old one keeps the tensors of the failed pass alive.
    """
    if isinstance(error, WebUIError):
        return error.copy()
    return EngineStoppedError(reason=describe_error(error))


def engine_closed_error() -> EngineStoppedError:
    return EngineStoppedError(reason=EngineClosed())


def describe_error(error: BaseException) -> str:
    """Return the type and message of the error, for logs and as the reason of another error."""
    return f"{type(error).__name__}: {error}"
