"""A turn while it is being written: takes events, keeps the clock, knows its line of phase and its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from webui.errors import WebUIError
from webui.protocol import Delta, Message, Part, Progress
from webui.ui.conversation import Picture, Turn
from webui.ui.i18n.strings import Strings
from webui.ui.render.markdown import MarkdownEscaper
from webui.ui.render.messages import Row, turn_rows
from webui.ui.render.status_line import phase_html, phase_number


@dataclass(frozen=True, slots=True)
class Converting:
    """A file on its way to pages or frames."""

    name: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class Loaded:
    """All files of a question, ready for the model."""

    parts: tuple[Part, ...]
    pictures: tuple[Picture, ...]


Event = Converting | Loaded | Delta


class StreamingTurn:
    """Mutable, and owned by the one handler that feeds it."""

    def __init__(self, turn: Turn, clock: Callable[[], float]) -> None:
        self._progress = Progress("converting" if turn.files else "prefill")
        self.turn = replace(turn, phase=self._progress.phase)
        self.stopping = False
        self._clock = clock
        self._started = self._phase_started = clock()
        self._converting = turn.files[0] if turn.files else ""
        self._tokens_at_phase_start = 0
        self._thinking_from = 0.0
        self._reasoning_wire, self._content_wire = MarkdownEscaper(), MarkdownEscaper()
        self._reasoning = self._content = ""

    def take(self, event: Event) -> None:
        if isinstance(event, Converting):
            self._converting = event.name
            self._enter(event.progress)
        elif isinstance(event, Loaded):
            question = Message("user", (*event.parts, *self.turn.question.parts))
            self.turn = replace(self.turn, question=question, pictures=event.pictures)
            self._enter(Progress("prefill"))
        else:
            self._take_delta(event)

    def _take_delta(self, delta: Delta) -> None:
        if delta.progress is not None:
            self._enter(delta.progress)
        elif delta.reasoning and self._progress.phase != "thinking":
            self._enter(Progress("thinking"))
        elif delta.content and self._progress.phase != "answering":
            self._enter(Progress("answering", self._progress.done))
        turn = self.turn
        if (delta.reasoning or delta.content) and not turn.first_token_s:
            # Several tokens may come at once: those of the first delta tell nothing about the speed.
            turn = replace(
                turn,
                first_token_s=self._clock() - self._started,
                first_tokens=max(self._progress.done, 1),
            )
        if delta.reasoning:
            self._reasoning += self._reasoning_wire.feed(delta.reasoning)
        if delta.content:
            self._reasoning += self._reasoning_wire.close()
            self._content += self._content_wire.feed(delta.content)
        turn = replace(
            turn, reasoning=turn.reasoning + delta.reasoning, content=turn.content + delta.content
        )
        if self._progress.phase == "thinking":
            turn = replace(turn, reasoning_tokens=max(turn.reasoning_tokens, self._progress.done))
        if delta.usage is not None:
            spent = delta.usage.reasoning_tokens or turn.reasoning_tokens
            turn = replace(turn, usage=delta.usage, reasoning_tokens=spent)
        self.turn = replace(turn, finish_reason=delta.finish_reason or turn.finish_reason)

    def _enter(self, progress: Progress) -> None:
        if progress.phase != self._progress.phase:
            if self._progress.phase == "thinking":
                self._stamp_thinking()
            self._phase_started = self._clock()
            self._tokens_at_phase_start = progress.done
        self._progress = progress
        self.turn = replace(self.turn, phase=progress.phase)

    def _stamp_thinking(self) -> None:
        self.turn = replace(self.turn, thinking_s=self._clock() - self._phase_started)

    def finish(self, error: WebUIError | None = None, *, stopped: bool = False) -> Turn:
        """The turn as it stays. What was held back of its texts is shown at last."""
        if self._progress.phase == "thinking":
            self._stamp_thinking()
        self._reasoning += self._reasoning_wire.close()
        self._content += self._content_wire.close()
        reason = self.turn.finish_reason or ("abort" if stopped else None)
        seconds = self._clock() - self._started
        self.turn = replace(
            self.turn, phase=None, seconds=seconds, finish_reason=reason, error=error
        )
        return self.turn

    def rows(self, strings: Strings) -> list[Row]:
        if self.turn.phase == "thinking":
            self._stamp_thinking()
        return turn_rows(self.turn, strings, self._reasoning, self._content)

    def phase(self, strings: Strings) -> str:
        if self.stopping:
            return phase_html(strings("phase_stopping"))
        phase_s = self._clock() - self._phase_started
        written = self._progress.done - self._tokens_at_phase_start
        speed = written / phase_s if phase_s > 0.5 else 0.0
        words = strings(f"phase_{self._progress.phase}", name=self._converting)
        return phase_html(words, phase_number(self._progress, strings, phase_s, speed))
