"""EngineCore: scheduler and runner, one step at a time. No threads, no callers.

A pass that fails ends only the requests that cause the failure. DeviceDeadError is raised where no
further step is possible.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import TypeVar

from webui.engine.sequence import Sequence
from webui.engine.serving.engine_errors import DeviceDeadError, describe_error, to_webui_error
from webui.engine.serving.output_dispatcher import OutputDispatcher
from webui.engine.serving.output_stream import OutputStream, StepOutput
from webui.engine.serving.prefill_budget import PrefillBudget
from webui.engine.serving.runner_protocol import Runner, SamplerOutput
from webui.engine.serving.scheduler import Scheduler
from webui.errors import DeviceMemoryError, NumericalError, QueueFullError, WebUIError
from webui.protocol import FinishReason, Progress

logger = logging.getLogger(__name__)

# Every admission changes the place of all waiting requests. To report each change of a long queue
# would cost more than the steps do.
QUEUE_REPORT_INTERVAL_S = 0.2
# A failure that repeats in every step is logged no more often than this.
LOG_INTERVAL_S = 10.0

Result = TypeVar("Result")


class EngineCore:
    """Runs steps over all requests. `max_waiting` bounds the queue; beyond it QueueFullError."""

    def __init__(self, runner: Runner, dispatcher: OutputDispatcher, max_waiting: int) -> None:
        self._runner, self._dispatcher, self._max_waiting = runner, dispatcher, max_waiting
        self._scheduler = Scheduler(runner.slots)
        self._budget = PrefillBudget(runner.chunk_tokens)
        self._reported_queue: list[Sequence] = []
        self._next_report_at = self._next_log_at = 0.0
        # Whether any request has received its whole answer.
        self.has_answered = False

    @property
    def is_idle(self) -> bool:
        return self._scheduler.is_idle

    def add_request(self, sequence: Sequence, stream: OutputStream) -> None:
        self._dispatcher.add_stream(sequence, stream)
        self._scheduler.add_waiting(sequence)
        self._admit_waiting()
        if len(self._scheduler.waiting) > self._max_waiting:
            # The last in the order of admission, which need not be the newest: a flood of requests
            # from one owner does not keep the next owner out.
            last = self._scheduler.waiting[-1]
            self._fail_request(last, QueueFullError(waiting=self._max_waiting))

    def answer_now(self, request_id: str) -> None:
        for sequence in self._scheduler.find_by_request_id(request_id):
            sequence.answer_now()

    def finish_request(self, request_id: str, reason: FinishReason) -> None:
        """End the request with that reason. Ignored if it is unknown or has ended."""
        for sequence in self._scheduler.find_by_request_id(request_id):
            self._finish_sequence(sequence, StepOutput(finish_reason=reason, usage=sequence.usage))

    def step(self) -> None:
        """Admit waiting requests, prefill some chunks, decode one token of every decoding row."""
        self._admit_waiting()
        self._prefill_chunks()
        rows = list(self._scheduler.decoding)
        # Rows with forced ids need a pass of prefill instead of a decode step. Rows that an engine
        # may have died of get a pass of their own. All others share one.
        for sequence in [row for row in rows if row.forced_ids]:
            rows.remove(sequence)
            self._prefill_forced(sequence)
        for sequence in [row for row in rows if row.alone]:
            rows.remove(sequence)
            self._decode_rows([sequence])
        if rows:
            self._decode_rows(rows)

    def flush_outputs(self) -> None:
        """Deliver the outputs so far, and end the requests whose readers are gone."""
        for sequence in self._dispatcher.flush():
            self._release_slot(sequence)

    def close(self) -> None:
        """Give all slots back."""
        for sequence in list(self._scheduler):
            self._release_slot(sequence)

    def _admit_waiting(self) -> None:
        while (sequence := self._scheduler.next_admission()) is not None:
            is_admitted = self._run_guarded(
                partial(self._runner.acquire_slot, sequence), [sequence]
            )
            if isinstance(is_admitted, WebUIError):
                self._fail_request(sequence, is_admitted)
            elif is_admitted:
                self._scheduler.start_prefill(sequence)
            else:
                break
        self._report_queue()

    def _report_queue(self) -> None:
        """Send every waiting request its place in the queue, if the order has changed."""
        waiting, now = self._scheduler.waiting, perf_counter()
        if self._reported_queue is waiting or now < self._next_report_at:
            return
        self._reported_queue, self._next_report_at = waiting, now + QUEUE_REPORT_INTERVAL_S
        for ahead, sequence in enumerate(waiting):
            self._dispatcher.emit(sequence, StepOutput(progress=Progress("queued", ahead)))

    def _prefill_chunks(self) -> None:
        """Prefill chunks, owners alternating, until the budget of this step is used up."""
        start, prefilled = perf_counter(), 0
        while sequences := self._scheduler.prefill_order:
            max_tokens = self._budget.next_chunk_tokens(
                prefilled, perf_counter() - start, decoding=bool(self._scheduler.decoding)
            )
            if not max_tokens:
                return
            first, *others = sequences
            batch = [first]
            if not first.alone:
                batch += [sequence for sequence in others if not sequence.alone]
            prefilled += self._prefill_pass(batch, max_tokens)

    def _prefill_pass(self, sequences: list[Sequence], max_tokens: int) -> int:
        """Prefill one pass over some of the sequences; return the number of tokens prefilled."""
        start = perf_counter()
        results = self._run_guarded(partial(self._runner.prefill, sequences, max_tokens), sequences)
        if isinstance(results, WebUIError):
            if len(sequences) > 1:
                # Alone, the first one shows whether it is the cause. The others follow in turn.
                return self._prefill_pass(sequences[:1], max_tokens)
            self._fail_request(sequences[0], results)
            return 0
        prefilled = sum(result.tokens for result in results)
        self._budget.record_prefill(prefilled, perf_counter() - start)
        for result in results:
            sequence = result.sequence
            self._scheduler.record_chunk(sequence)
            if result.sampled is None:
                self._dispatcher.emit(sequence, StepOutput(progress=sequence.progress))
            else:
                self._scheduler.start_decode(sequence)
                self._append_token(sequence, result.sampled)
        # A first token does not wait for the rest of the step.
        self.flush_outputs()
        return prefilled

    def _prefill_forced(self, sequence: Sequence) -> None:
        """Write the ids that end a thought all at once, so that the answer begins in this step."""
        sampled = self._run_guarded(partial(self._runner.prefill_forced_ids, sequence), [sequence])
        if isinstance(sampled, WebUIError):
            self._fail_request(sequence, sampled)
            return
        outputs = [sampled]
        if sampled.token_id is not None:
            outputs = [*map(SamplerOutput, sequence.forced_ids), sampled]
        for output in outputs:
            # One of these tokens may have been the last that the request had left.
            if sequence in self._dispatcher:
                self._append_token(sequence, output)

    def _decode_rows(self, rows: list[Sequence]) -> None:
        """Decode one token of each row. A failing pass is bisected down to the row at fault."""
        start = perf_counter()
        outputs = self._run_guarded(partial(self._runner.decode, rows), rows)
        if not isinstance(outputs, WebUIError):
            self._budget.record_decode(perf_counter() - start)
            for sequence, output in zip(rows, outputs, strict=True):
                self._append_token(sequence, output)
        elif len(rows) == 1:
            self._fail_request(rows[0], outputs)
        else:
            middle = len(rows) // 2
            self._decode_rows(rows[:middle])
            self._decode_rows(rows[middle:])

    def _run_guarded(
        self, work: Callable[[], Result], sequences: list[Sequence], *, may_repeat: bool = True
    ) -> Result | WebUIError:
        """Return the result of `work`, or its error once memory is freed and work can go on.

        Work that runs out of memory is repeated once: it may fit into what was freed. Raises
        DeviceDeadError if the device does not survive the error.
        """
        try:
            return work()
        except Exception as error:
            fault, reason = to_webui_error(error), describe_error(error)
            repeats = may_repeat and isinstance(fault, DeviceMemoryError)
            self._log_failure(error, sequences, repeats=repeats)
        # Outside the except block, nothing refers to the tensors of the failed pass any more.
        if not self._recovers_from(fault):
            raise DeviceDeadError(f"the device is lost, {reason}", sequences)
        return self._run_guarded(work, sequences, may_repeat=False) if repeats else fault

    def _log_failure(self, error: Exception, sequences: list[Sequence], *, repeats: bool) -> None:
        if repeats:
            logger.warning(
                "a pass over %d requests ran out of memory; freeing memory and repeating it",
                len(sequences),
            )
        elif len(sequences) == 1:
            logger.error("request %s failed", sequences[0].id, exc_info=error)
        elif perf_counter() >= self._next_log_at:
            self._next_log_at = perf_counter() + LOG_INTERVAL_S
            logger.warning(
                "a pass over %d requests failed; retrying it in parts",
                len(sequences),
                exc_info=error,
            )

    def _recovers_from(self, fault: WebUIError) -> bool:
        """Free memory if it ran out; return whether the device is alive."""
        try:
            if isinstance(fault, DeviceMemoryError):
                self._runner.free_memory()
            return self._runner.is_device_alive()
        except Exception:
            logger.exception("cannot tell whether the device is alive")
            return False

    def _append_token(self, sequence: Sequence, output: SamplerOutput) -> None:
        """Append the sampled token to its sequence, and emit it."""
        if output.token_id is None:
            self._fail_request(sequence, NumericalError())
            return
        token_id, reason = sequence.append_token(output.token_id)
        # The token that ends an answer is no part of its text.
        shown = None if token_id in sequence.control.end else token_id
        if reason is None:
            self._dispatcher.emit(sequence, StepOutput(shown, sequence.progress))
        else:
            self._finish_sequence(
                sequence, StepOutput(shown, sequence.progress, reason, sequence.usage)
            )

    def _fail_request(self, sequence: Sequence, error: WebUIError) -> None:
        self._finish_sequence(sequence, StepOutput(error=error))

    def _finish_sequence(self, sequence: Sequence, last: StepOutput) -> None:
        self.has_answered = self.has_answered or last.finish_reason in ("stop", "length")
        self._dispatcher.emit_last(sequence, last)
        self._release_slot(sequence)

    def _release_slot(self, sequence: Sequence) -> None:
        self._scheduler.remove(sequence)
        try:
            self._runner.release_slot(sequence)
        except Exception as error:
            logger.exception("cannot release the slot of request %s", sequence.id)
            reason = describe_error(error)
        else:
            return
        raise DeviceDeadError(reason)
