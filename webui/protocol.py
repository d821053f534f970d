"""The words that all rooms share: messages, parts, requests, deltas and the Engine protocol.

Everything that flows between rooms is a frozen value defined here; PixelBudget and SamplingParams have files of their
own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from webui.pixels import PixelBudget as PixelBudget
from webui.pixels import digest_of
from webui.sampling import SAMPLING_RANGES as SAMPLING_RANGES
from webui.sampling import Range as Range
from webui.sampling import SamplingParams as SamplingParams

if TYPE_CHECKING:
    from PIL.Image import Image

AttachmentKind = Literal["image", "video", "document"]
Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "abort"]
ThoughtCut = Literal["", "budget", "asked", "repetition"]
Phase = Literal["loading", "converting", "queued", "reading", "thinking", "answering"]
ModelState = Literal["loading", "ready", "unloaded", "failed"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that somebody gave, recognised by its bytes. `path` keeps the name that the person knows it by."""

    path: Path
    kind: AttachmentKind

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What a file may cost. Sizes in bytes, pixels and pages; times in seconds of wall clock."""

    max_file_bytes: int = 100 * 1024**2
    max_image_pixels: int = 64_000_000
    max_pages: int = 100
    max_frames: int = 32
    max_video_s: int = 3600
    convert_timeout_s: int = 30
    office_timeout_s: int = 90
    convert_memory_bytes: int = 2 * 1024**3


@dataclass(frozen=True)
class ImagePart:
    """A photo, a PDF page or a slide, RGB, at the size that the model sees. `label`: "report.pdf p. 3"."""

    image: Image
    label: str
    source: str

    @cached_property
    def digest(self) -> str:
        """What names its pixels: every turn of a conversation asks for that of every page."""
        return digest_of(self.image)


@dataclass(frozen=True)
class VideoPart:
    """The frames sampled from a video, RGB and all of one size; `timestamps` in seconds, from the container."""

    frames: tuple[Image, ...]
    timestamps: tuple[float, ...]
    source: str

    @property
    def pairs(self) -> tuple[tuple[Image, Image], ...]:
        """The frames that the model looks at together; the last one twice where it is left over."""
        return tuple(zip(self.frames[::2], (*self.frames[1::2], *self.frames[-1:]), strict=False))

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """What names the pixels of each pair."""
        return tuple(digest_of(*pair) for pair in self.pairs)


Part = str | ImagePart | VideoPart


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `reasoning` is for the eye and never goes back into a prompt."""

    role: Role
    parts: tuple[Part, ...]
    reasoning: str = ""

    @property
    def text(self) -> str:
        return "".join(part for part in self.parts if isinstance(part, str))


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What an engine answers.

    `conversation` is the key under which a KV slot may be reused, "" for none. `owner` is whose turn it counts as when
    many wait: a visitor or an API key; "" makes the request its own owner. `model` names the one that shall answer,
    "" the first. `alone` keeps it out of passes with others: an engine may have died of it.
    """

    messages: tuple[Message, ...]
    sampling: SamplingParams
    id: str
    conversation: str = ""
    owner: str = ""
    model: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one request. `cached_tokens` is the part of the prompt whose keys and values were reused.

    `thought_cut` tells what ended the thought early: its token budget, somebody who asked, or its repeating itself.
    """

    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    thought_cut: ThoughtCut = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a request stands: `done` of `total` in the phase's own unit.

    loading: bytes; converting: pages or frames; queued: `done` requests ahead; reading: prompt tokens;
    thinking and answering: tokens written so far, of max_tokens. `total` 0 means unknown.
    """

    phase: Phase
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Delta:
    """What is new since the last delta. The last one of a stream carries finish_reason and usage."""

    reasoning: str = ""
    content: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model can take. `media_tokens` is the part of the context that pages and frames may fill.

    `repetition_penalty` is what its makers advise where nobody chose one.
    """

    name: str
    context_length: int
    image: PixelBudget = field(default_factory=PixelBudget)
    frame: PixelBudget = field(default_factory=PixelBudget)
    max_frames: int = 32
    bundled: bool = False
    repetition_penalty: float = SamplingParams().repetition_penalty

    @property
    def media_tokens(self) -> int:
        return self.context_length * 3 // 4


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """The state of one model. `device`, `memory_bytes` and `slots` are known once it is ready; `reason` if failed.

    `precision` is that of the weights on a GPU, "" on a CPU; `slots` are the conversations that fit at once,
    `left_s` the seconds that loading will still take, 0 while that is unknown.

    "unloaded" is a model that the next request for it loads. `notice` tells why another model than the wanted one
    answers, "" if it is the wanted one. `served`: some model has been ready since the start, so that a request for
    one that loads waits for it.
    """

    state: ModelState
    info: ModelInfo
    progress: Progress | None = None
    device: str = ""
    memory_bytes: int = 0
    reason: str = ""
    notice: str = ""
    served: bool = False
    precision: str = ""
    slots: int = 0
    left_s: float = 0.0


class Engine(Protocol):
    """Answers requests. Any error a request meets is raised from its own iterator and reaches nobody else."""

    def generate(self, request: GenerationRequest) -> AsyncIterator[Delta]:
        """Stream the answer. Closing the iterator early aborts the request."""
        ...

    def abort(self, request_id: str) -> None:
        """End that request within one step, finish_reason "abort". Idempotent; an unknown id is ignored."""
        ...

    def answer_now(self, request_id: str) -> None:
        """End that request's thought within two steps and begin the answer. Ignored where nothing is left to cut."""
        ...

    def close(self) -> None:
        """End everything and free the model."""
        ...


class Model(Engine, Protocol):
    """One engine over one or several models, of which one is loaded at a time.

    `generate` reports phase "loading" until the wanted one is ready. A name nobody knows, "" too, means the first.
    """

    def status(self, name: str = "") -> ModelStatus: ...

    def statuses(self) -> tuple[ModelStatus, ...]:
        """Of every model that can be asked for, the first first."""
        ...

    def prepare(self, name: str) -> None:
        """Load that model as soon as it is its turn, as a request for it would. Returns at once."""
        ...
