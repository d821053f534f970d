"""Faults: what an exception in the engine is to those who wait for an answer."""

from __future__ import annotations

from collections.abc import Collection

from webui.engine.sequence import Sequence
from webui.errors import EngineStoppedError, WebUIError
from webui.reasons import EngineClosed


class EngineDiedError(EngineStoppedError):
    """To the readers of an engine that can go on no more. ModelManager asks its replacement, or tells why it stopped.

    `suspect`: the engine died of a pass in which the request took part.
    """

    def __init__(self, reason: str, *, suspect: bool) -> None:
        super().__init__(reason=reason)
        self.suspect = suspect


class DeviceDeadError(Exception):
    """Ends the worker: the device is lost, or the runner's books are wrong. `suspects` took part in the last pass."""

    def __init__(self, reason: str, suspects: Collection[Sequence] = ()) -> None:
        super().__init__(reason)
        self.suspects = frozenset(suspect.id for suspect in suspects)


def readable(error: Exception) -> WebUIError:
    """Return an error whose message people can read; others become an EngineStoppedError.

    A new error, without the traceback: its frames hold on to the tensors of the pass that failed.
    """
    if isinstance(error, WebUIError):
        return error.copy()
    return EngineStoppedError(reason=reason_of(error))


def closed() -> EngineStoppedError:
    return EngineStoppedError(reason=EngineClosed())


def reason_of(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
