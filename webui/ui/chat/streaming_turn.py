"""StreamingTurn: a turn while its answer is written, with its phase, its times and its rows."""

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

# A speed measured over a shorter time jumps too much to be read.
MIN_SPEED_TIME_S = 0.5


@dataclass(frozen=True, slots=True)
class ConversionProgress:
    """The file called `name` is being converted to pages or frames."""

    name: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class AttachmentsReady:
    """All files of a question are ready for the model."""

    parts: tuple[Part, ...]
    pictures: tuple[Picture, ...]


AnswerEvent = ConversionProgress | AttachmentsReady | Delta


class StreamingTurn:
    """Mutable, and owned by the one handler that feeds it. Times come from `clock`, in seconds."""

    def __init__(self, turn: Turn, clock: Callable[[], float]) -> None:
        self._progress = Progress("converting" if turn.files else "prefill")
        self.turn = replace(turn, phase=self._progress.phase)
        self.stopping = False
        self._clock = clock
        self._started = self._phase_started = clock()
        self._converting = turn.files[0] if turn.files else ""
        self._tokens_at_phase_start = 0
        self._reasoning_escaper, self._content_escaper = MarkdownEscaper(), MarkdownEscaper()
        # What the Chatbot has been sent, which only grows: the browser then appends instead of
        # parsing the whole answer again.
        self._reasoning = self._content = ""

    def add_event(self, event: AnswerEvent) -> None:
        if isinstance(event, ConversionProgress):
            self._converting = event.name
            self._update_progress(event.progress)
        elif isinstance(event, AttachmentsReady):
            question = Message("user", (*event.parts, *self.turn.question.parts))
            self.turn = replace(self.turn, question=question, pictures=event.pictures)
            self._update_progress(Progress("prefill"))
        else:
            self._add_delta(event)

    def _add_delta(self, delta: Delta) -> None:
        self._update_phase(delta)
        turn = self.turn
        if (delta.reasoning or delta.content) and not turn.first_token_s:
            # The first delta may hold several tokens, which say nothing about the speed.
            turn = replace(
                turn,
                first_token_s=self._clock() - self._started,
                first_tokens=max(self._progress.done, 1),
            )
        if delta.reasoning:
            self._reasoning += self._reasoning_escaper.feed(delta.reasoning)
        if delta.content:
            self._reasoning += self._reasoning_escaper.close()
            self._content += self._content_escaper.feed(delta.content)
        turn = replace(
            turn, reasoning=turn.reasoning + delta.reasoning, content=turn.content + delta.content
        )
        if self._progress.phase == "thinking":
            turn = replace(turn, reasoning_tokens=max(turn.reasoning_tokens, self._progress.done))
        if delta.usage is not None:
            reasoning_tokens = delta.usage.reasoning_tokens or turn.reasoning_tokens
            turn = replace(turn, usage=delta.usage, reasoning_tokens=reasoning_tokens)
        self.turn = replace(turn, finish_reason=delta.finish_reason or turn.finish_reason)

    def _update_phase(self, delta: Delta) -> None:
        """Follow the engine's progress; a delta without one shows its phase by what it holds."""
        if delta.progress is not None:
            self._update_progress(delta.progress)
        elif delta.reasoning and self._progress.phase != "thinking":
            self._update_progress(Progress("thinking"))
        elif delta.content and self._progress.phase != "answering":
            self._update_progress(Progress("answering", self._progress.done))

    def _update_progress(self, progress: Progress) -> None:
        if progress.phase != self._progress.phase:
            if self._progress.phase == "thinking":
                self._update_thinking_time()
            self._phase_started = self._clock()
            self._tokens_at_phase_start = progress.done
        self._progress = progress
        self.turn = replace(self.turn, phase=progress.phase)

    def _update_thinking_time(self) -> None:
        self.turn = replace(self.turn, thinking_s=self._clock() - self._phase_started)

    def finish(self, error: WebUIError | None = None, *, stopped: bool = False) -> Turn:
        """Return the final turn, and release the text that the escapers held back."""
        if self._progress.phase == "thinking":
            self._update_thinking_time()
        self._reasoning += self._reasoning_escaper.close()
        self._content += self._content_escaper.close()
        self.turn = replace(
            self.turn,
            phase=None,
            seconds=self._clock() - self._started,
            finish_reason=self.turn.finish_reason or ("abort" if stopped else None),
            error=error,
        )
        return self.turn

    def rows(self, strings: Strings) -> list[Row]:
        """Return the Chatbot's rows of this turn."""
        if self.turn.phase == "thinking":
            self._update_thinking_time()
        return turn_rows(self.turn, strings, self._reasoning, self._content)

    def phase_line(self, strings: Strings) -> str:
        """Return the line above the message box, as HTML."""
        if self.stopping:
            return phase_html(strings("phase_stopping"))
        phase_s = self._clock() - self._phase_started
        tokens = self._progress.done - self._tokens_at_phase_start
        tokens_per_s = tokens / phase_s if phase_s > MIN_SPEED_TIME_S else 0.0
        words = strings(f"phase_{self._progress.phase}", name=self._converting)
        return phase_html(words, phase_number(self._progress, strings, phase_s, tokens_per_s))
