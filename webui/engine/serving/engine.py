"""LocalEngine: the Engine over one Runner, with one worker thread that runs the steps.

Commands go to the worker through a queue; outputs come back by call_soon_threadsafe, a few steps'
worth in one call for each event loop. No lock and no poll. An exception that ends the worker is
raised by every unfinished request.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import perf_counter

from webui.engine.planning.host_memory import usable_cores
from webui.engine.prompt import Prompt
from webui.engine.sequence import Sequence
from webui.engine.serving.commands import (
    AddRequest,
    AnswerNow,
    EngineCommand,
    FinishRequest,
    Shutdown,
)
from webui.engine.serving.engine_core import EngineCore
from webui.engine.serving.engine_errors import (
    DeviceDeadError,
    EngineDeath,
    EngineDiedError,
    describe_error,
    engine_closed_error,
    to_webui_error,
)
from webui.engine.serving.input_processor import InputProcessor
from webui.engine.serving.output_dispatcher import OutputDispatcher
from webui.engine.serving.output_stream import OutputStream
from webui.engine.serving.runner_protocol import Runner
from webui.errors import ContextLengthError, EngineStoppedError, WebUIError
from webui.protocol import Delta, FinishReason, GenerationRequest, Usage

logger = logging.getLogger(__name__)

# A token waits at most this long for the ones after it. Delivering several at once costs the
# interpreter about as much as delivering one, and the worker waits for the interpreter meanwhile.
FLUSH_INTERVAL_S = 0.01


class LocalEngine:
    """Engine over one Runner. `max_waiting` bounds the queue; beyond it QueueFullError.

    `on_death` is called on the worker thread if the engine ends without being closed, before the
    requests get their error.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        max_waiting: int = 256,
        on_death: Callable[[EngineDeath], None] = lambda death: None,
    ) -> None:
        self._runner, self._on_death = runner, on_death
        self._inbox: SimpleQueue[EngineCommand] = SimpleQueue()
        threads = max(2, min(4, usable_cores() // 2))
        self._input_processor = InputProcessor(runner.encode_ahead, threads)
        self._dispatcher = OutputDispatcher()
        self._core = EngineCore(runner, self._dispatcher, max_waiting)
        # Makes the error of requests that come after the end.
        self._make_refusal: Callable[[], EngineStoppedError] | None = None
        self._thread = Thread(target=self._run_worker, name="engine", daemon=True)
        self._thread.start()

    async def generate(self, request: GenerationRequest) -> AsyncIterator[Delta]:
        request.sampling.check()
        prompt = await self._build_prompt(request)
        if isinstance(prompt, str):
            yield Delta(finish_reason=prompt, usage=Usage(0, 0))
            return
        stream = OutputStream(self._runner.tokenizer, self._runner.tags)
        self._inbox.put(AddRequest(self._make_sequence(request, prompt), stream))
        # Checked after the command is in the inbox: a worker that ends meanwhile either fails the
        # command or has set the refusal before.
        if self._make_refusal is not None:
            raise self._make_refusal()
        try:
            while not stream.is_finished:
                yield await stream.next_delta()
        finally:
            self.abort(request.id)

    def abort(self, request_id: str) -> None:
        self.finish(request_id, "abort")

    def finish(self, request_id: str, reason: FinishReason) -> None:
        self._input_processor.finish_request(request_id, reason)
        self._inbox.put(FinishRequest(request_id, reason))

    def answer_now(self, request_id: str) -> None:
        self._inbox.put(AnswerNow(request_id))

    def close(self) -> None:
        self._inbox.put(Shutdown())
        self._thread.join()
        self._input_processor.close()

    async def _build_prompt(self, request: GenerationRequest) -> Prompt | FinishReason:
        """Return the prompt, or the reason if the request was finished before it was built."""
        is_abandoned = Event()
        build = partial(self._runner.build_prompt, request.messages, is_abandoned.is_set)
        try:
            return await self._input_processor.process(
                request.id, request.owner or request.id, build
            )
        except WebUIError:
            raise
        except Exception as error:
            logger.exception("cannot build the prompt of request %s", request.id)
            raise to_webui_error(error) from None
        finally:
            # Ends the work on the prompt if the caller was cancelled or the request finished.
            is_abandoned.set()

    def _make_sequence(self, request: GenerationRequest, prompt: Prompt) -> Sequence:
        """Raise ContextLengthError if the prompt leaves no room for an answer."""
        remaining_tokens = self._runner.context_length - len(prompt.ids)
        if remaining_tokens < 1:
            limit = self._runner.context_length - 1
            raise ContextLengthError(tokens=len(prompt.ids), limit=limit)
        return Sequence(
            request.id,
            prompt,
            request.sampling,
            self._runner.control,
            min(request.sampling.max_tokens, remaining_tokens),
            request.owner,
            request.alone,
        )

    # Everything below runs on the worker thread.

    def _run_worker(self) -> None:
        try:
            self._run_steps()
        except DeviceDeadError as error:
            self._handle_death(str(error), error.suspects)
        except BaseException as error:
            logger.exception("the worker thread stopped")
            self._handle_death(describe_error(error), None)
        else:
            self._end_requests(engine_closed_error, lambda sequence: engine_closed_error())
            with suppress(DeviceDeadError):
                self._core.close()

    def _run_steps(self) -> None:
        """Step until the Shutdown command."""
        next_flush_at = 0.0
        while self._handle_commands():
            self._core.step()
            if self._core.is_idle or perf_counter() >= next_flush_at:
                self._core.flush_outputs()
                next_flush_at = perf_counter() + FLUSH_INTERVAL_S

    def _handle_commands(self) -> bool:
        """Handle all commands in the inbox; wait for one if idle. Return False at Shutdown."""
        while True:
            try:
                command = self._inbox.get(block=self._core.is_idle)
            except Empty:
                return True
            if isinstance(command, Shutdown):
                return False
            if isinstance(command, AddRequest):
                self._core.add_request(command.sequence, command.stream)
            elif isinstance(command, AnswerNow):
                self._core.answer_now(command.request_id)
            else:
                self._core.finish_request(command.request_id, command.reason)
                self._core.flush_outputs()

    def _handle_death(self, reason: str, suspects: frozenset[str] | None) -> None:
        """End all requests with EngineDiedError. `suspects` None: any request may be the cause."""
        logger.error("the engine stops: %s", reason)

        def make_error(sequence: Sequence) -> EngineDiedError:
            return EngineDiedError(reason, suspect=suspects is None or sequence.id in suspects)

        try:
            self._on_death(EngineDeath(reason, self._core.has_answered))
        finally:
            self._end_requests(lambda: EngineDiedError(reason, suspect=False), make_error)

    def _end_requests(
        self,
        make_refusal: Callable[[], EngineStoppedError],
        make_error: Callable[[Sequence], EngineStoppedError],
    ) -> None:
        """Refuse new requests from here on, and fail the unfinished ones, the inbox included."""
        self._make_refusal = make_refusal
        while not self._inbox.empty():
            command = self._inbox.get()
            if isinstance(command, AddRequest):
                self._dispatcher.add_stream(command.sequence, command.stream)
        self._input_processor.refuse_requests(make_refusal)
        self._dispatcher.fail_all(make_error)
