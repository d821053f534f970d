"""LocalEngine: one worker thread that steps, and the bridge from it to the event loops of its callers.

Knows when things happen, and nothing of tensors: those are the runner's. No lock and no poll: messages go in by a
queue and come out by call_soon_threadsafe, one hop a step for each event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol

from webui.engine.inbox import Abort, AnswerNow, Close, Join, Letter
from webui.engine.prompts import Prompt
from webui.engine.scheduler import ControlIds, Scheduler, Sequence
from webui.engine.stream import Event, Stream
from webui.errors import ContextLengthError, EngineStoppedError, QueueFullError, WebUIError
from webui.protocol import Delta, GenerationRequest, Message, Progress

logger = logging.getLogger(__name__)


class Runner(Protocol):
    """The model behind the engine. All but encode and decode_text are called from the worker thread only."""

    context_length: int
    chunk_tokens: int
    control: ControlIds

    def encode(self, messages: tuple[Message, ...]) -> Prompt: ...

    def decode_text(self, ids: list[int]) -> str: ...

    def admit(self, sequence: Sequence) -> bool:
        """Give it a slot and tell it how much of its prompt is there already; False while all slots are busy."""
        ...

    def prefill(self, sequence: Sequence) -> int | None:
        """Read the next chunk of the prompt. Returns the first token once all of it is read."""
        ...

    def decode(self, sequences: list[Sequence]) -> list[int]:
        """The next token of each."""
        ...

    def release(self, sequence: Sequence) -> None:
        """Its slot may be taken by others from now on."""
        ...


class LocalEngine:
    """Engine over one Runner. `max_waiting` bounds the queue; a request beyond it gets QueueFullError."""

    def __init__(self, runner: Runner, *, max_waiting: int = 256) -> None:
        self._runner = runner
        self._max_waiting = max_waiting
        self._inbox: SimpleQueue[Letter] = SimpleQueue()
        self._scheduler = Scheduler()
        self._streams: dict[Sequence, Stream] = {}
        self._outbox: dict[asyncio.AbstractEventLoop, list[tuple[Stream, Event]]] = defaultdict(list)
        self._told: list[Sequence] = []
        self._stopped = False
        self._thread = Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    async def generate(self, request: GenerationRequest) -> AsyncIterator[Delta]:
        prompt = await asyncio.to_thread(self._runner.encode, request.messages)
        room = self._runner.context_length - len(prompt.ids)
        if room < 1:
            raise ContextLengthError(tokens=len(prompt.ids), limit=self._runner.context_length - 1)
        limit = min(request.sampling.max_tokens, room)
        sequence = Sequence(request.id, prompt, request.sampling, self._runner.control, limit)
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
        self._inbox.put(Abort(request_id))

    def answer_now(self, request_id: str) -> None:
        self._inbox.put(AnswerNow(request_id))

    def close(self) -> None:
        self._inbox.put(Close())
        self._thread.join()

    # Everything below runs on the worker thread.

    def _work(self) -> None:
        reason = "it was closed"
        try:
            while self._read_inbox():
                self._step()
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
            self._fail(message.sequence, QueueFullError(waiting=self._max_waiting))

    def _step(self) -> None:
        """Admit who fits, read one chunk of prompts, write one token of every running row."""
        self._admit()
        budget = self._runner.chunk_tokens
        while budget > 0 and (sequence := self._scheduler.next_prefill()) is not None:
            budget -= self._prefill(sequence)
        if self._scheduler.running:
            self._decode()

    def _admit(self) -> None:
        waiting = self._scheduler.waiting
        while waiting and self._runner.admit(waiting[0]):
            self._scheduler.admit()
        if self._told != list(waiting):
            self._told = list(waiting)
            for ahead, sequence in enumerate(waiting):
                self._emit(sequence, Event(progress=Progress("queued", ahead)))

    def _prefill(self, sequence: Sequence) -> int:
        """Returns how many tokens were read: several short prompts share a step, a long one takes many."""
        before = sequence.prefilled
        try:
            token = self._runner.prefill(sequence)
        except Exception as error:
            self._fail(sequence, error)
            return 0
        if token is None:
            done, total = sequence.prefilled, len(sequence.prompt.ids)
            self._emit(sequence, Event(progress=Progress("reading", done, total)))
        else:
            self._scheduler.start(sequence)
            self._take(sequence, token)
        return sequence.prefilled - before

    def _decode(self) -> None:
        running = list(self._scheduler.running)
        try:
            tokens = self._runner.decode(running)
        except Exception as error:
            for sequence in running:
                self._fail(sequence, error)
            return
        for sequence, token in zip(running, tokens, strict=True):
            self._take(sequence, token)

    def _take(self, sequence: Sequence, sampled: int) -> None:
        token, reason = sequence.take(sampled)
        written = None if token in sequence.control.end else token
        progress = Progress("thinking" if sequence.thinking else "answering", len(sequence.output), sequence.limit)
        if reason is None:
            self._emit(sequence, Event(written, progress))
        else:
            self._end(sequence, Event(written, progress, reason, sequence.usage))

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
        """Hand a step's events over, one call for each loop. Readers whose loop is gone are ended."""
        outbox, self._outbox = self._outbox, defaultdict(list)
        for loop, items in outbox.items():
            try:
                loop.call_soon_threadsafe(_deliver, items)
            except RuntimeError:
                for sequence in [one for one, stream in self._streams.items() if stream.loop is loop]:
                    self._scheduler.remove(sequence)
                    self._runner.release(sequence)
                    del self._streams[sequence]


def _deliver(items: list[tuple[Stream, Event]]) -> None:
    for stream, event in items:
        stream.events.put_nowait(event)
