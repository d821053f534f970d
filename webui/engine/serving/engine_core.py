"""EngineCore: scheduler and runner, one step at a time. A failing pass ends only the requests that cause it.

Knows the runner, and nothing of threads and callers. Raises DeviceDeadError where no step can follow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import TypeVar

from webui.engine.sequence import Sampled, Sequence
from webui.engine.serving.engine_errors import DeviceDeadError, readable, reason_of
from webui.engine.serving.output_dispatcher import OutputDispatcher
from webui.engine.serving.output_stream import OutputStream, StepOutput
from webui.engine.serving.prefill_budget import PrefillBudget
from webui.engine.serving.runner_protocol import Runner
from webui.engine.serving.scheduler import Scheduler
from webui.errors import DeviceMemoryError, QueueFullError, WebUIError
from webui.protocol import Progress

logger = logging.getLogger(__name__)

# Each admission moves everybody up: telling a long queue every time would cost more than the steps.
TELL_S = 0.2
# A pass that fails in every step is logged no more often than this.
LOG_S = 10.0

T = TypeVar("T")


class EngineCore:
    """`max_waiting` bounds the queue; a request beyond it gets QueueFullError."""

    def __init__(self, runner: Runner, outbox: OutputDispatcher, max_waiting: int) -> None:
        self._runner, self._outbox, self._max_waiting = runner, outbox, max_waiting
        self._scheduler = Scheduler(runner.slots)
        self._pace = PrefillBudget(runner.chunk_tokens)
        self._told: list[Sequence] = []
        self._tell_at = self._log_at = 0.0
        # Whether some request has got its whole answer.
        self.has_answered = False

    @property
    def idle(self) -> bool:
        return self._scheduler.idle

    def join(self, sequence: Sequence, stream: OutputStream) -> None:
        self._outbox.open(sequence, stream)
        self._scheduler.add(sequence)
        self._admit()
        if len(self._scheduler.waiting) > self._max_waiting:
            # Not always the newest: a flood of one owner does not keep the next one out.
            self._fail(self._scheduler.waiting[-1], QueueFullError(waiting=self._max_waiting))

    def answer_now(self, request_id: str) -> None:
        for sequence in self._scheduler.find(request_id):
            sequence.answer_now()

    def abort(self, request_id: str) -> None:
        for sequence in self._scheduler.find(request_id):
            self._end(sequence, StepOutput(finish_reason="abort", usage=sequence.usage))

    def step(self) -> None:
        """Admit who fits, read a part of the prompts, write one token of every running row."""
        self._admit()
        self._read()
        running = list(self._scheduler.running)
        for sequence in [sequence for sequence in running if sequence.forced]:
            running.remove(sequence)
            self._force(sequence)
        for sequence in [sequence for sequence in running if sequence.alone]:
            running.remove(sequence)
            self._decode([sequence])
        if running:
            self._decode(running)

    def flush(self) -> None:
        """Hand over what there is to tell, and end those whose readers are gone."""
        for sequence in self._outbox.flush():
            self._leave(sequence)

    def close(self) -> None:
        """Give all slots back."""
        for sequence in list(self._scheduler):
            self._leave(sequence)

    def _admit(self) -> None:
        while (sequence := self._scheduler.next_admission()) is not None:
            admitted = self._tried(partial(self._runner.admit, sequence), [sequence])
            if isinstance(admitted, WebUIError):
                self._fail(sequence, admitted)
            elif admitted:
                self._scheduler.admit(sequence)
            else:
                break
        waiting, now = self._scheduler.waiting, perf_counter()
        if self._told is not waiting and now >= self._tell_at:
            self._told, self._tell_at = waiting, now + TELL_S
            for ahead, sequence in enumerate(waiting):
                self._outbox.emit(sequence, StepOutput(progress=Progress("queued", ahead)))

    def _read(self) -> None:
        """Pieces of each owner's prompts in turn, as long as those who write hardly feel it."""
        start, read = perf_counter(), 0
        while sequences := self._scheduler.prefilling:
            tokens = self._pace.tokens(
                read, perf_counter() - start, writing=bool(self._scheduler.running)
            )
            if not tokens:
                return
            first, *others = sequences
            together = (
                [] if first.alone else [sequence for sequence in others if not sequence.alone]
            )
            read += self._prefill([first, *together], tokens)

    def _prefill(self, sequences: list[Sequence], tokens: int) -> int:
        """Returns how many tokens were worked on: several short prompts share a pass, a long one takes many steps."""
        start = perf_counter()
        pieces = self._tried(partial(self._runner.prefill, sequences, tokens), sequences)
        if isinstance(pieces, WebUIError):
            if len(sequences) > 1:  # alone it shows whose fault it was, and the others' turns come
                return self._prefill(sequences[:1], tokens)
            self._fail(sequences[0], pieces)
            return 0
        self._pace.read(worked := sum(piece.tokens for piece in pieces), perf_counter() - start)
        for piece in pieces:
            self._scheduler.had_turn(piece.sequence)
            if piece.sampled is None:
                self._outbox.emit(piece.sequence, StepOutput(progress=piece.sequence.progress))
            else:
                self._scheduler.start(piece.sequence)
                self._take(piece.sequence, piece.sampled)
        # A first token does not wait for what else is read and written in this step.
        self.flush()
        return worked

    def _force(self, sequence: Sequence) -> None:
        """What ends a thought goes in at once, so that the answer begins in this very step."""
        sampled = self._tried(partial(self._runner.force, sequence), [sequence])
        if not isinstance(sampled, int):
            self._fail(sequence, sampled)
            return
        for token in [*sequence.forced, sampled]:
            if sequence in self._outbox:
                self._take(sequence, token)

    def _decode(self, running: list[Sequence]) -> None:
        """One token of each. If the pass fails, its halves are made apart, down to the row that is at fault."""
        start = perf_counter()
        sampled = self._tried(partial(self._runner.decode, running), running)
        if not isinstance(sampled, WebUIError):
            self._pace.wrote(perf_counter() - start)
            for sequence, token in zip(running, sampled, strict=True):
                self._take(sequence, token)
        elif len(running) == 1:
            self._fail(running[0], sampled)
        else:
            middle = len(running) // 2
            self._decode(running[:middle])
            self._decode(running[middle:])

    def _tried(self, work: Callable[[], T], sequences: list[Sequence]) -> T | WebUIError:
        """What the runner does for these, or the error, once what can be freed is free. Then it may be tried again."""
        try:
            return work()
        except Exception as error:
            self._log(error, sequences)
            fault, reason = readable(error), reason_of(error)
        # Out here nothing holds on to the tensors of the pass any more.
        if not self._recovers(fault):
            raise DeviceDeadError(f"the device is lost, {reason}", sequences)
        return fault

    def _log(self, error: Exception, sequences: list[Sequence]) -> None:
        if len(sequences) == 1:
            logger.error("request %s failed", sequences[0].id, exc_info=error)
        elif perf_counter() >= self._log_at:
            self._log_at = perf_counter() + LOG_S
            logger.warning(
                "a pass over %d requests failed and is tried in parts",
                len(sequences),
                exc_info=error,
            )

    def _recovers(self, fault: WebUIError) -> bool:
        """Whether the device still lives; after a lack of memory what need not be kept is freed first."""
        try:
            if isinstance(fault, DeviceMemoryError):
                self._runner.make_room()
            return self._runner.alive()
        except Exception:
            logger.exception("the device cannot be asked")
            return False

    def _take(self, sequence: Sequence, sampled: Sampled) -> None:
        if not isinstance(sampled, int):
            self._fail(sequence, sampled)
            return
        token, reason = sequence.take(sampled)
        written = None if token in sequence.control.end else token
        if reason is None:
            self._outbox.emit(sequence, StepOutput(written, sequence.progress))
        else:
            self.has_answered = True
            self._end(sequence, StepOutput(written, sequence.progress, reason, sequence.usage))

    def _fail(self, sequence: Sequence, error: WebUIError) -> None:
        self._end(sequence, StepOutput(error=error))

    def _end(self, sequence: Sequence, event: StepOutput) -> None:
        self._outbox.close(sequence, event)
        self._leave(sequence)

    def _leave(self, sequence: Sequence) -> None:
        self._scheduler.remove(sequence)
        try:
            self._runner.release(sequence)
        except Exception as error:
            logger.exception("a slot cannot be given back")
            reason = reason_of(error)
        else:
            return
        raise DeviceDeadError(reason)
