"""The values and protocols that all packages share: messages, parts, requests, deltas, Engine.

Everything that crosses a package boundary is a frozen value defined here. SamplingParams has a file
of its own and is imported from here too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from math import ceil, floor, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from webui.errors import ModelLoadError
from webui.reasons import Reason
from webui.sampling import SAMPLING_RANGES as SAMPLING_RANGES
from webui.sampling import Range as Range
from webui.sampling import SamplingParams as SamplingParams

if TYPE_CHECKING:
    from PIL.Image import Image

AttachmentKind = Literal["image", "video", "document"]
Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "abort"]
ThoughtCut = Literal["", "budget", "requested", "repetition"]
# Why another model answers than the requested one.
Notice = Reason | ModelLoadError
Phase = Literal["loading", "converting", "queued", "prefill", "thinking", "answering"]
ModelState = Literal["loading", "ready", "unloaded", "failed"]
ThinkingLevel = Literal["off", "short", "normal", "long"]

THINKING_LEVELS: tuple[ThinkingLevel, ...] = get_args(ThinkingLevel)
# Reasoning tokens of each level; None sets no limit. Most questions about one image take between
# 300 and 1,500.
THINKING_BUDGETS: dict[ThinkingLevel, int | None] = {
    "off": 0,
    "short": 512,
    "normal": 2048,
    "long": None,
}
# Glm4v's image processor refuses images whose longer side is more than 200 times the shorter one;
# 196 leaves room for rounding.
MAX_SIDE_RATIO = 196


@dataclass(frozen=True, slots=True)
class PixelBudget:
    """The image sizes in pixels that a model accepts, and their cost in tokens.

    `unit` is the side of the square that one visual token covers. Sizes are rounded as in Glm4v's
    `smart_resize`, so an image fitted here passes the image processor unchanged.
    """

    unit: int = 28
    min_pixels: int = 112 * 112
    max_pixels: int = 4_816_896

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Return the accepted (width, height) nearest to the given one, multiples of `unit`."""
        unit = self.unit
        new_width, new_height = (max(unit, round(side / unit) * unit) for side in (width, height))
        if new_width * new_height > self.max_pixels:
            scale = sqrt(width * height / self.max_pixels)
            new_width, new_height = (
                max(unit, floor(side / scale / unit) * unit) for side in (width, height)
            )
        elif new_width * new_height < self.min_pixels:
            scale = sqrt(self.min_pixels / (width * height))
            new_width, new_height = (ceil(side * scale / unit) * unit for side in (width, height))
        # A strip one unit high may still exceed the pixel limit and the side ratio.
        shorter = min(new_width, new_height)
        max_side = min(self.max_pixels // shorter // unit, MAX_SIDE_RATIO) * unit
        return min(new_width, max_side), min(new_height, max_side)

    def tokens(self, width: int, height: int) -> int:
        """Return the visual tokens of an image of that size after fitting."""
        new_width, new_height = self.fit(width, height)
        return new_width * new_height // self.unit**2

    def split(self, count: int, max_tokens: int) -> PixelBudget:
        """Return the budget of one of `count` images that together cost at most `max_tokens`."""
        pixels = max(max_tokens // max(count, 1), 1) * self.unit**2
        max_pixels = max(min(self.max_pixels, pixels), self.min_pixels)
        return PixelBudget(self.unit, self.min_pixels, max_pixels)


def pixel_digest(*frames: Image) -> str:
    """Return a digest of the pixels of an image, or of frames that are encoded together.

    SHA-256, for which most processors have instructions.
    """
    pixels = sha256(usedforsecurity=False)
    for frame in frames:
        pixels.update(repr((len(frames), frame.mode, frame.size)).encode())
        pixels.update(frame.tobytes())
    return pixels.hexdigest()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a user added, identified by its bytes. `path` keeps the name the user gave it."""

    path: Path
    kind: AttachmentKind

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Upper bounds for one file: bytes, pixels, pages, frames, and seconds of wall clock."""

    max_file_bytes: int = 100 * 1024**2
    max_image_pixels: int = 64_000_000
    max_pages: int = 100
    max_frames: int = 32
    max_video_s: int = 3600
    convert_timeout_s: int = 30
    office_timeout_s: int = 90
    convert_memory_bytes: int = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class FileLabel:
    """A picture that is a whole file, under the name that its sender gave it."""

    name: str


@dataclass(frozen=True, slots=True)
class PageLabel:
    """A page of a document, numbered from 1."""

    number: int


@dataclass(frozen=True, slots=True)
class SlideLabel:
    """A slide of a presentation, numbered from 1."""

    number: int


@dataclass(frozen=True, slots=True)
class FrameTime:
    """A frame of a video, in seconds from its start."""

    seconds: float


# Where in its file a picture comes from. Only the page puts it into words; no prompt holds it.
Label = FileLabel | PageLabel | SlideLabel | FrameTime
PageLabelType = type[PageLabel] | type[SlideLabel]


@dataclass(frozen=True)
class ImagePart:
    """A photo, a PDF page or a slide: RGB, at the size that the model encodes.

    `source` is the name of its file, `label` the place in it. Neither enters a prompt.
    """

    image: Image
    label: Label
    source: str

    @cached_property
    def digest(self) -> str:
        """The digest of its pixels, cached because every turn needs that of every page."""
        return pixel_digest(self.image)


@dataclass(frozen=True)
class VideoPart:
    """The frames sampled from a video: RGB, all of one size.

    `timestamps` are in seconds and come from the container.
    """

    frames: tuple[Image, ...]
    timestamps: tuple[float, ...]
    source: str

    @property
    def pairs(self) -> tuple[tuple[Image, Image], ...]:
        """The frames in pairs, as the model encodes them; an odd last one is doubled."""
        return tuple(zip(self.frames[::2], (*self.frames[1::2], *self.frames[-1:]), strict=False))

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """The digest of the pixels of each pair."""
        return tuple(pixel_digest(*pair) for pair in self.pairs)


Part = str | ImagePart | VideoPart


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation. `reasoning` is only displayed and never enters a prompt."""

    role: Role
    parts: tuple[Part, ...]
    reasoning: str = ""

    @property
    def text(self) -> str:
        return "".join(part for part in self.parts if isinstance(part, str))


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A request to an engine.

    `conversation` is the key under which a KV slot may be reused, "" for none. `owner` is the user,
    visitor or address that the scheduler is fair to; "" makes the request its own owner.
    `model_name` selects the model, "" the first one. `alone` keeps the request out of batches with
    others, because an earlier batch with it may have crashed the engine.
    """

    messages: tuple[Message, ...]
    sampling: SamplingParams
    id: str
    conversation: str = ""
    owner: str = ""
    model_name: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one request.

    `cached_tokens` is the part of the prompt whose keys and values were reused. `thought_cut` says
    what ended the reasoning early: its token budget, an `answer_now` call, or a repetition.
    """

    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    thought_cut: ThoughtCut = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a request: `done` of `total` in the unit of the phase; `total` 0 is unknown.

    loading: bytes; converting: pages or frames; queued: `done` requests are ahead; prefill: prompt
    tokens; thinking and answering: tokens generated so far, of max_tokens.
    """

    phase: Phase
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Delta:
    """The new output since the last delta. The last of a stream has finish_reason and usage."""

    reasoning: str = ""
    content: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The input limits of a model, and the sampling that its authors recommend.

    `sampling` is the default of every request that leaves a field open, in the API and on the page.
    """

    name: str
    context_length: int
    image: PixelBudget = field(default_factory=PixelBudget)
    frame: PixelBudget = field(default_factory=PixelBudget)
    max_frames: int = 32
    bundled: bool = False
    sampling: SamplingParams = field(default_factory=SamplingParams)

    @property
    def media_tokens(self) -> int:
        """The part of the context that pages and frames may fill."""
        return self.context_length * 3 // 4


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """The state of one model.

    An "unloaded" model is loaded by the next request for it. `device`, `memory_bytes`, `precision`
    and `slots` are known once the model is ready, `failure` if loading failed. `precision` is that
    of the weights on a GPU, "" on a CPU; `slots` is the number of conversations that fit at once.
    `left_s` are the seconds until loading ends, 0 while unknown. `notice` says why another model
    than the requested one answers, None if it does not. `served` is true once any model has been
    ready: from then on a request for a loading model waits instead of being refused.
    """

    state: ModelState
    info: ModelInfo
    progress: Progress | None = None
    device: str = ""
    memory_bytes: int = 0
    failure: ModelLoadError | None = None
    notice: Notice | None = None
    served: bool = False
    precision: str = ""
    slots: int = 0
    left_s: float = 0.0


class Engine(Protocol):
    """Serves requests. An error of one request is raised from its own iterator and no other."""

    def generate(self, request: GenerationRequest) -> AsyncIterator[Delta]:
        """Stream the answer. Closing the iterator early aborts the request."""
        ...

    def abort(self, request_id: str) -> None:
        """End the request within one step with finish_reason "abort". Unknown ids are ignored."""
        ...

    def finish(self, request_id: str, reason: FinishReason) -> None:
        """End the request within one step with that finish_reason. Only the first call counts."""
        ...

    def answer_now(self, request_id: str) -> None:
        """End the request's reasoning within two steps and start the answer. Idempotent."""
        ...

    def close(self) -> None:
        """End all requests and free the model."""
        ...


class ModelProvider(Engine, Protocol):
    """An engine over one or several models, of which one is loaded at a time.

    `generate` reports the phase "loading" until the requested model is ready. An unknown model
    name, including "", selects the first one.
    """

    def status(self, name: str = "") -> ModelStatus: ...

    def statuses(self) -> tuple[ModelStatus, ...]:
        """Return the status of every available model, the first model first."""
        ...

    def prepare(self, name: str) -> None:
        """Queue the model for loading, as a request for it would. Returns at once."""
        ...
