"""Conversation: turns as values. Knows nothing about how they are shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

from webui.errors import WebUIError
from webui.protocol import (
    FinishReason,
    ImagePart,
    Label,
    Message,
    ModelInfo,
    Part,
    Phase,
    Usage,
    VideoPart,
)

# The engine delivers 10 ms' worth of tokens at a time: over a shorter time their number is chance.
MIN_TIMED_S = 0.05


@dataclass(frozen=True, slots=True)
class Picture:
    """A thumbnail as a data URL, and where in its file the picture comes from."""

    src: str
    label: Label


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer. `phase` is set while the answer is written; times in seconds.

    `first_tokens` is the number of tokens in the first delta, which arrived at `first_token_s`.
    """

    question: Message
    files: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    reasoning: str = ""
    content: str = ""
    phase: Phase | None = None
    seconds: float = 0.0
    thinking_s: float = 0.0
    first_token_s: float = 0.0
    first_tokens: int = 1
    reasoning_tokens: int = 0
    usage: Usage | None = None
    finish_reason: FinishReason | None = None
    error: WebUIError | None = None

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels of pages and pictures, which an answer can mention; () for a video, whose
        frames are too alike."""
        is_still = all(isinstance(part, str | ImagePart) for part in self.question.parts)
        return tuple(picture.label for picture in self.pictures) if is_still else ()

    @property
    def media_parts(self) -> tuple[ImagePart | VideoPart, ...]:
        return tuple(part for part in self.question.parts if not isinstance(part, str))

    @property
    def tokens_per_s(self) -> float:
        """The speed after the first delta, 0 if that time was too short to measure."""
        tokens = self.usage.completion_tokens - self.first_tokens if self.usage else 0
        writing_s = self.seconds - self.first_token_s
        return tokens / writing_s if writing_s >= MIN_TIMED_S else 0.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns so far. `key` names the conversation to the engine; "" until the first turn."""

    key: str = ""
    turns: tuple[Turn, ...] = ()

    def history(self) -> list[Message]:
        """Return the messages that the model reads of the past.

        A failed turn is left out. Of a turn that was stopped before its answer began, only the
        files stay, in front of the next question.
        """
        messages: list[Message] = []
        unanswered: list[Part] = []
        for turn in self.turns:
            if turn.error is not None:
                continue
            if not turn.content:
                unanswered.extend(turn.media_parts)
                continue
            messages.append(Message("user", (*unanswered, *turn.question.parts)))
            messages.append(Message("assistant", (turn.content,), turn.reasoning))
            unanswered = []
        return [*messages, Message("user", tuple(unanswered))] if unanswered else messages

    def with_question(self, question: Message) -> list[Message]:
        """Return the history with a new question at its end."""
        history = self.history()
        if history and history[-1].role == "user":
            return [*history[:-1], Message("user", (*history[-1].parts, *question.parts))]
        return [*history, question]

    def without_failed_turns(self) -> Conversation:
        return replace(self, turns=tuple(turn for turn in self.turns if turn.error is None))

    def without_last_turn(self) -> Conversation:
        return replace(self, turns=self.turns[:-1])

    @property
    def last_media_turn(self) -> int:
        """The index of the last turn whose pages or frames were read; -1 if there is none."""
        indexes = [
            index for index, turn in enumerate(self.turns) if turn.pictures and turn.error is None
        ]
        return max(indexes, default=-1)

    def media_tokens_left(self, info: ModelInfo) -> int:
        """Return how many visual tokens new files may take, after those of the past."""
        taken = sum(
            media_tokens(part, info) for message in self.history() for part in message.parts
        )
        return max(info.media_tokens - taken, 0)


def media_tokens(part: Part, info: ModelInfo) -> int:
    """Return the visual tokens of a part; a pair of video frames counts as one picture."""
    if isinstance(part, ImagePart):
        return info.image.tokens(*part.image.size)
    if isinstance(part, VideoPart):
        return sum(info.frame.tokens(*frame.size) for frame in part.frames) // 2
    return 0
