"""What was said: the values behind one conversation. Knows nothing about how they are shown."""

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

# Tokens come 10 ms' worth at a time: within less than this it is chance how many do.
LEAST_TIMED_S = 0.05


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture for the eye: a data URL, and where in its file the picture comes from."""

    src: str
    label: Label


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and what became of it. `phase` is set while it runs; times in seconds.

    `first_tokens` came with the first delta, at `first_token_s`.
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
        """The labels of pages and pictures, which an answer can name; none of frames, which are too alike."""
        still = all(isinstance(part, str | ImagePart) for part in self.question.parts)
        return tuple(picture.label for picture in self.pictures) if still else ()

    @property
    def tokens_per_s(self) -> float:
        """Speed after the first delta, 0 if that was too short a time to tell."""
        later = self.usage.completion_tokens - self.first_tokens if self.usage else 0
        writing_s = self.seconds - self.first_token_s
        return later / writing_s if writing_s >= LEAST_TIMED_S else 0.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns so far. `key` names the conversation to the engine; "" until the first turn."""

    key: str = ""
    turns: tuple[Turn, ...] = ()

    def history(self) -> list[Message]:
        """What the model reads of the past. A failed turn is left out; of one that was stopped before it answered only
        the files stay, and go in front of the next question."""
        messages: list[Message] = []
        files: list[Part] = []
        for turn in self.turns:
            if turn.error is not None:
                continue
            if not turn.content:
                files.extend(part for part in turn.question.parts if not isinstance(part, str))
                continue
            messages.append(Message("user", (*files, *turn.question.parts)))
            messages.append(Message("assistant", (turn.content,), turn.reasoning))
            files = []
        return [*messages, Message("user", tuple(files))] if files else messages

    def ask(self, question: Message) -> list[Message]:
        """The history with a new question at its end."""
        history = self.history()
        if history and history[-1].role == "user":
            return [*history[:-1], Message("user", (*history[-1].parts, *question.parts))]
        return [*history, question]

    def settled(self) -> Conversation:
        """Without failed turns: the next question takes their place."""
        return replace(self, turns=tuple(turn for turn in self.turns if turn.error is None))

    @property
    def in_sight(self) -> int:
        """The index of the turn whose pages or frames were sent last and read; -1 if there is none."""
        seen = [
            index for index, turn in enumerate(self.turns) if turn.pictures and turn.error is None
        ]
        return max(seen, default=-1)

    def media_tokens(self, info: ModelInfo) -> int:
        """Visual tokens that the files of the past already take."""
        return sum(_tokens(part, info) for message in self.history() for part in message.parts)


def _tokens(part: Part, info: ModelInfo) -> int:
    if isinstance(part, ImagePart):
        return info.image.tokens(*part.image.size)
    if isinstance(part, VideoPart):
        return sum(info.frame.tokens(*frame.size) for frame in part.frames) // 2
    return 0
