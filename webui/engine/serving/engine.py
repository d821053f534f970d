"""LocalEngine: one worker thread that steps, and the bridge from it to the event loops of its callers.

No lock and no poll: messages go in by a queue and come out by call_soon_threadsafe, a few steps' worth in one hop for
each event loop. Any exception on the worker thread is delivered to all readers.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import perf_counter

from webui.engine.planning.host_memory import usable_cores
from webui.engine.sequence import Sequence
from webui.engine.serving.commands import Abort, AddRequest, AnswerNow, EngineCommand, Shutdown
from webui.engine.serving.engine_core import EngineCore
from webui.engine.serving.engine_errors import (
    DeviceDeadError,
    EngineDiedError,
    closed,
    readable,
    reason_of,
)
from webui.engine.serving.input_processor import InputProcessor
from webui.engine.serving.output_dispatcher import OutputDispatcher
from webui.engine.serving.output_stream import OutputStream
from webui.engine.serving.runner_protocol import Runner
from webui.errors import ContextLengthError, EngineStoppedError, WebUIError
from webui.protocol import Delta, GenerationRequest, Usage

logger = logging.getLogger(__name__)

# So long at most a token waits for those after it: reading one costs the interpreter about as much as reading several,
# and the worker waits meanwhile.
HOLD_S = 0.01


@dataclass(frozen=True, slots=True)
class Death:
    """Why an engine can go on no more, and whether it had answered any request before."""

    reason: str
    answered: bool


class LocalEngine:
    """Engine over one Runner. `max_waiting` bounds the queue; a request beyond it gets QueueFullError.

    `on_death` is called on the worker thread if the engine ends without being closed, before its readers get the error.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        max_waiting: int = 256,
        on_death: Callable[[Death], None] = lambda death: None,
    ) -> None:
        self._runner, self._on_death = runner, on_death
        self._inbox: SimpleQueue[EngineCommand] = SimpleQueue()
        self._encoder = InputProcessor(runner.look_ahead, max(2, min(4, usable_cores() // 2)))
        self._outbox = OutputDispatcher()
        self._stepper = EngineCore(runner, self._outbox, max_waiting)
        # What a request gets that comes after the end.
        self._refusal: Callable[[], EngineStoppedError] | None = None
        self._thread = Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    async def generate(self, request: GenerationRequest) -> AsyncIterator[Delta]:
        request.sampling.check()
        owner = request.owner or request.id
        gone = Event()
        build = partial(self._runner.encode, request.messages, gone.is_set)
        try:
            prompt = await self._encoder.encode(request.id, owner, build)
        except WebUIError:
            raise
        except Exception as error:
            logger.exception("the prompt of %s cannot be made", request.id)
            raise readable(error) from None
        finally:
            # Whatever ended the waiting, the work ends with it.
            gone.set()
        if prompt is None:
            yield Delta(finish_reason="abort", usage=Usage(0, 0))
            return
        if (room := self._runner.context_length - len(prompt.ids)) < 1:
            raise ContextLengthError(tokens=len(prompt.ids), limit=self._runner.context_length - 1)
        most = min(request.sampling.max_tokens, room)
        sequence = Sequence(
            request.id, prompt, request.sampling, self._runner.control, most, owner, request.alone
        )
        stream = OutputStream()
        self._inbox.put(AddRequest(sequence, stream))
        if self._refusal is not None:
            raise self._refusal()
        try:
            async for delta in stream.deltas(self._runner.decode_text, self._runner.tags):
                yield delta
        finally:
            self.abort(request.id)

    def abort(self, request_id: str) -> None:
        self._encoder.abort(request_id)
        self._inbox.put(Abort(request_id))

    def answer_now(self, request_id: str) -> None:
        self._inbox.put(AnswerNow(request_id))

    def close(self) -> None:
        self._inbox.put(Shutdown())
        self._thread.join()
        self._encoder.close()

    # Everything below runs on the worker thread.

    def _work(self) -> None:
        try:
            self._step_on()
        except DeviceDeadError as error:
            self._die(str(error), error.suspects)
        except BaseException as error:
            logger.exception("the worker stopped")
            self._die(reason_of(error), None)
        else:
            self._end(closed, lambda sequence: closed())
            with suppress(DeviceDeadError):
                self._stepper.close()

    def _step_on(self) -> None:
        """Until it is closed."""
        flush_at = 0.0
        while self._read_inbox():
            self._stepper.step()
            if self._stepper.idle or perf_counter() >= flush_at:
                self._stepper.flush()
                flush_at = perf_counter() + HOLD_S

    def _read_inbox(self) -> bool:
        """Take in what has arrived, and wait for it if there is nothing to do. False at the end."""
        while True:
            try:
                message = self._inbox.get(block=self._stepper.idle)
            except Empty:
                return True
            if isinstance(message, Shutdown):
                return False
            if isinstance(message, AddRequest):
                self._stepper.join(message.sequence, message.stream)
            elif isinstance(message, AnswerNow):
                self._stepper.answer_now(message.request_id)
            else:
                self._stepper.abort(message.request_id)
                self._stepper.flush()

    def _die(self, reason: str, suspects: frozenset[str] | None) -> None:
        """`suspects` None: the cause is unknown, so every request is one."""
        logger.error("the engine stops: %s", reason)

        def died(sequence: Sequence) -> EngineDiedError:
            return EngineDiedError(reason, suspect=suspects is None or sequence.id in suspects)

        try:
            self._on_death(Death(reason, self._stepper.has_answered))
        finally:
            self._end(lambda: EngineDiedError(reason, suspect=False), died)

    def _end(
        self,
        refusal: Callable[[], EngineStoppedError],
        error: Callable[[Sequence], EngineStoppedError],
    ) -> None:
        """Refuse new requests from here on, and fail all that wait, those in the inbox included."""
        self._refusal = refusal
        while not self._inbox.empty():
            message = self._inbox.get()
            if isinstance(message, AddRequest):
                self._outbox.open(message.sequence, message.stream)
        self._encoder.stop(refusal)
        self._outbox.fail_all(error)
