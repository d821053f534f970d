"""LocalEngine: one worker thread that steps, and the bridge from it to the event loops of its callers.

Knows when things happen, and nothing of tensors. No lock and no poll: messages go in by a queue and come out by
call_soon_threadsafe, a few steps' worth in one hop for each event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from time import perf_counter

from webui.engine.encoder import Encoder
from webui.engine.inbox import Abort, AnswerNow, Close, Join, Letter
from webui.engine.machine import usable_cores
from webui.engine.pace import Pace
from webui.engine.runner_protocol import Runner
from webui.engine.scheduler import Scheduler
from webui.engine.sequence import Sampled, Sequence
from webui.engine.stream import Event, Stream, deliver
from webui.errors import ContextLengthError, EngineStoppedError, QueueFullError, WebUIError
from webui.protocol import Delta, GenerationRequest, Progress, Usage

logger = logging.getLogger(__name__)

# Each admission moves everybody up: telling a long queue every time costs more than a step.
TELL_S = 0.2
# So long at most a token waits for those after it: reading one costs the interpreter about as much as reading several,
# and the worker waits meanwhile.
HOLD_S = 0.01


class LocalEngine:
    """Engine over one Runner. `max_waiting` bounds the queue; a request beyond it gets QueueFullError."""

    def __init__(self, runner: Runner, *, max_waiting: int = 256) -> None:
        self._runner = runner
        self._max_waiting = max_waiting
        self._inbox: SimpleQueue[Letter] = SimpleQueue()
        self._encoder = Encoder(runner.look_ahead, max(2, min(4, usable_cores() // 2)))
        self._scheduler = Scheduler(runner.slots)
        self._pace = Pace(runner.chunk_tokens)
        self._streams: dict[Sequence, Stream] = {}
        self._outbox: dict[asyncio.AbstractEventLoop, list[tuple[Stream, Event]]] = defaultdict(list)
        self._told: list[Sequence] = []
        self._tell_at = self._flush_at = 0.0
        self._stopped = False
        self._thread = Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    async def generate(self, request: GenerationRequest) -> AsyncIterator[Delta]:
        request.sampling.check()
        owner = request.owner or request.id
        prompt = await self._encoder.encode(request.id, owner, partial(self._runner.encode, request.messages))
        if prompt is None:
            yield Delta(finish_reason="abort", usage=Usage(0, 0))
            return
        if (room := self._runner.context_length - len(prompt.ids)) < 1:
            raise ContextLengthError(tokens=len(prompt.ids), limit=self._runner.context_length - 1)
        most = min(request.sampling.max_tokens, room)
        sequence = Sequence(request.id, prompt, request.sampling, self._runner.control, most, owner)
        stream = Stream()
        self._inbox.put(Join(sequence, stream))
        if self._stopped:
            raise EngineStoppedError(reason="it was closed")
        try:
            async for delta in stream.deltas(self._runner.decode_text):
                yield delta
        finally:
            self.abort(request.id)

    def abort(self, request_id: str) -> None:
        self._encoder.abort(request_id)
        self._inbox.put(Abort(request_id))

    def answer_now(self, request_id: str) -> None:
        self._inbox.put(AnswerNow(request_id))

    def close(self) -> None:
        self._inbox.put(Close())
        self._thread.join()
        self._encoder.close()

    # Everything below runs on the worker thread.

    def _work(self) -> None:
        reason = "it was closed"
        try:
            while self._read_inbox():
                self._step()
                if self._scheduler.idle or perf_counter() >= self._flush_at:
                    self._flush()
        except Exception as error:
            logger.exception("the worker stopped")
            reason = str(error)
        # From here on nobody is let in; whoever waits, the inbox included, is told, so that nobody hangs.
        self._stopped = True
        while not self._inbox.empty():
            message = self._inbox.get()
            if isinstance(message, Join):
                self._join(message)
        for sequence in list(self._scheduler):
            self._fail(sequence, EngineStoppedError(reason=reason))
        self._flush()

    def _read_inbox(self) -> bool:
        """Take in what has arrived, and wait for it if there is nothing to do. False at the end."""
        while True:
            try:
                message = self._inbox.get(block=self._scheduler.idle)
            except Empty:
                return True
            if isinstance(message, Close):
                return False
            if isinstance(message, Join):
                self._join(message)
            elif isinstance(message, AnswerNow):
                for sequence in self._scheduler.find(message.request_id):
                    sequence.answer_now()
            else:
                for sequence in self._scheduler.find(message.request_id):
                    self._end(sequence, Event(finish_reason="abort", usage=sequence.usage))
                self._flush()

    def _join(self, message: Join) -> None:
        self._streams[message.sequence] = message.stream
        self._scheduler.add(message.sequence)
        self._admit()
        if len(self._scheduler.waiting) > self._max_waiting:
            # Not always the newest: a flood of one owner does not keep the next one out.
            self._fail(self._scheduler.waiting[-1], QueueFullError(waiting=self._max_waiting))

    def _step(self) -> None:
        """Admit who fits, read a part of the prompts, write one token of every running row."""
        self._admit()
        self._read()
        running = list(self._scheduler.running)
        for sequence in [sequence for sequence in running if sequence.forced]:
            running.remove(sequence)
            self._force(sequence)
        if running:
            self._decode(running)

    def _admit(self) -> None:
        while (sequence := self._scheduler.next_admission()) is not None and self._runner.admit(sequence):
            self._scheduler.admit(sequence)
        waiting, now = self._scheduler.waiting, perf_counter()
        if self._told is not waiting and now >= self._tell_at:
            self._told, self._tell_at = waiting, now + TELL_S
            for ahead, sequence in enumerate(waiting):
                self._emit(sequence, Event(progress=Progress("queued", ahead)))

    def _read(self) -> None:
        """Pieces of each owner's prompts in turn, as long as those who write hardly feel it."""
        start, read = perf_counter(), 0
        while sequences := self._scheduler.prefilling:
            tokens = self._pace.tokens(read, perf_counter() - start, writing=bool(self._scheduler.running))
            if not tokens:
                return
            read += self._prefill(sequences, tokens)

    def _prefill(self, sequences: list[Sequence], tokens: int) -> int:
        """Returns how many tokens were worked on: several short prompts share a pass, a long one takes many steps."""
        start = perf_counter()
        try:
            pieces = self._runner.prefill(sequences, tokens)
        except Exception as error:
            if len(sequences) > 1:  # alone it shows whose fault it was, and the others' turns come
                logger.warning("a pass over several prompts failed, the first is read alone", exc_info=error)
                return self._prefill(sequences[:1], tokens)
            self._fail(sequences[0], error)
            return 0
        self._pace.read(worked := sum(piece.tokens for piece in pieces), perf_counter() - start)
        for piece in pieces:
            self._scheduler.had_turn(piece.sequence)
            if piece.sampled is None:
                self._emit(piece.sequence, Event(progress=piece.sequence.progress))
            else:
                self._scheduler.start(piece.sequence)
                self._take(piece.sequence, piece.sampled)
        # A first token does not wait for what else is read and written in this step.
        self._flush()
        return worked

    def _force(self, sequence: Sequence) -> None:
        """What ends a thought goes in at once, so that the answer begins in this very step."""
        try:
            sampled = self._runner.force(sequence)
        except Exception as error:
            self._fail(sequence, error)
            return
        for token in [*sequence.forced, sampled] if isinstance(sampled, int) else [sampled]:
            if sequence in self._streams:
                self._take(sequence, token)

    def _decode(self, running: list[Sequence]) -> None:
        start = perf_counter()
        try:
            sampled = self._runner.decode(running)
        except Exception as error:
            for sequence in running:
                self._fail(sequence, error)
            return
        self._pace.wrote(perf_counter() - start)
        for sequence, token in zip(running, sampled, strict=True):
            self._take(sequence, token)

    def _take(self, sequence: Sequence, sampled: Sampled) -> None:
        if not isinstance(sampled, int):
            return self._fail(sequence, sampled)
        token, reason = sequence.take(sampled)
        written = None if token in sequence.control.end else token
        if reason is None:
            return self._emit(sequence, Event(written, sequence.progress))
        return self._end(sequence, Event(written, sequence.progress, reason, sequence.usage))

    def _fail(self, sequence: Sequence, error: Exception) -> None:
        """One request meets an error, and it alone; what is not meant for people is logged and told in general."""
        if not isinstance(error, WebUIError):
            logger.error("request %s failed", sequence.id, exc_info=error)
            error = EngineStoppedError(reason=f"{type(error).__name__}: {error}")
        self._end(sequence, Event(error=error))

    def _end(self, sequence: Sequence, event: Event) -> None:
        self._scheduler.remove(sequence)
        self._runner.release(sequence)
        self._emit(sequence, event)
        del self._streams[sequence]

    def _emit(self, sequence: Sequence, event: Event) -> None:
        stream = self._streams[sequence]
        self._outbox[stream.loop].append((stream, event))

    def _flush(self) -> None:
        """Hand the events over, one call for each loop. Readers whose loop is gone are ended."""
        outbox, self._outbox = self._outbox, defaultdict(list)
        self._flush_at = perf_counter() + HOLD_S
        for loop, items in outbox.items():
            try:
                loop.call_soon_threadsafe(deliver, items)
            except RuntimeError:
                for sequence in [one for one, stream in self._streams.items() if stream.loop is loop]:
                    self._scheduler.remove(sequence)
                    self._runner.release(sequence)
                    del self._streams[sequence]
