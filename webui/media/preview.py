"""What a person sees of a file before sending it: its pages or frames, small, and what they will cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL.Image import Image

from webui.media.frame_sampling import check_range, fitted, frame_count, pairs_of
from webui.media.page_range import parse_pages
from webui.media.sizes import fit_share
from webui.protocol import (
    Attachment,
    FileLabel,
    FrameTime,
    Label,
    MediaLimits,
    ModelInfo,
    PageLabel,
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a file is wanted. `pages` "" means the first ones; `frames` None leaves the number to us."""

    pages: str = ""
    start_s: float = 0.0
    end_s: float | None = None
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """`count` pages or frames, natural `sizes` in pixels (pages at 180 dpi), small RGB thumbnails.

    Thumbnails stop at the page limit, sizes do not. The frames of a video are those of `selection`. `notice` is
    "drawn_without_office" for a deck drawn without LibreOffice.
    """

    attachment: Attachment
    count: int
    sizes: tuple[tuple[int, int], ...]
    thumbnails: tuple[Image, ...]
    timestamps: tuple[float, ...] = ()
    duration_s: float = 0.0
    notice: str = ""
    limits: MediaLimits = field(default_factory=MediaLimits)
    selection: Selection = field(default_factory=Selection)

    @property
    def labels(self) -> tuple[Label, ...]:
        """Where each thumbnail comes from."""
        if self.attachment.kind == "video":
            return tuple(map(FrameTime, self.timestamps))
        if self.attachment.kind == "image":
            return (FileLabel(self.attachment.name),)
        return tuple(PageLabel(place) for place, _ in enumerate(self.thumbnails, 1))

    def cost(self, selection: Selection, info: ModelInfo, max_tokens: int) -> tuple[int, int]:
        """How many pages or frames are chosen, and the visual tokens that they take once fitted.

        Raises PageRangeError, TooManyPagesError or TimeRangeError.
        """
        if self.attachment.kind == "video":
            count, size = fitted(
                self._frames(selection, info), self.sizes[0], info.frame, max_tokens
            )
            return count, pairs_of(count) * info.frame.tokens(*size)
        pages = parse_pages(
            selection.pages, self.count, self.limits.max_pages, self.attachment.name
        )
        sizes = (
            fit_share(self.sizes[page - 1], len(pages), info.image, max_tokens) for page in pages
        )
        return len(pages), sum(info.image.tokens(*size) for size in sizes)

    def _frames(self, selection: Selection, info: ModelInfo) -> int:
        """Those sampled, if it is what was sampled; a video of few frames may hold fewer than are wanted."""
        if selection == self.selection:
            return self.count
        start, end = check_range(
            selection.start_s, selection.end_s, self.duration_s, self.attachment.name
        )
        return frame_count(
            start, end, selection.frames, min(self.limits.max_frames, info.max_frames)
        )
