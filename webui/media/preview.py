"""What a user sees of a file before sending it: small pages or frames, and what they will cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL.Image import Image

from webui.media.selection.frame_sampling import check_range, fit_frames, frame_count, pair_count
from webui.media.selection.outline import Outline, Selection
from webui.media.sizes import Size
from webui.protocol import (
    Attachment,
    FileLabel,
    FrameTime,
    Label,
    MediaLimits,
    ModelInfo,
    PageLabel,
    PageLabelType,
)


@dataclass(frozen=True, slots=True)
class Preview:
    """`count` pages or frames, their natural `sizes` in pixels, and small RGB thumbnails.

    Thumbnails stop at the page limit, sizes do not. The frames of a video are those of
    `selection`. `notice` is "drawn_without_office" for slides drawn without LibreOffice, and
    `page_label` says whether a document has pages or slides.
    `decoded` keeps what was decoded for the model alive as long as the preview.
    """

    attachment: Attachment
    count: int
    sizes: tuple[Size, ...]
    thumbnails: tuple[Image, ...]
    timestamps: tuple[float, ...] = ()
    duration_s: float = 0.0
    notice: str = ""
    limits: MediaLimits = field(default_factory=MediaLimits)
    selection: Selection = field(default_factory=Selection)
    page_label: PageLabelType = PageLabel
    decoded: object = field(default=None, repr=False, compare=False)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The place in the file of each thumbnail."""
        if self.attachment.kind == "video":
            return tuple(map(FrameTime, self.timestamps))
        if self.attachment.kind == "image":
            return (FileLabel(self.attachment.name),)
        return tuple(self.page_label(number) for number, _ in enumerate(self.thumbnails, 1))

    def cost(self, selection: Selection, info: ModelInfo, max_tokens: int) -> tuple[int, int]:
        """Return the number of chosen pages or frames, and the visual tokens they take once fitted.

        Raises PageRangeError, TooManyPagesError or TimeRangeError.
        """
        if self.attachment.kind == "video":
            count = self._frame_count(selection, info)
            count, size = fit_frames(count, self.sizes[0], info.frame, max_tokens)
            return count, pair_count(count) * info.frame.tokens(*size)
        outline = Outline(self.attachment.name, self.sizes, page_label=self.page_label)
        sizes = outline.page_sizes(selection, info.image, max_tokens, self.limits.max_pages)
        return len(sizes), sum(info.image.tokens(*size) for size in sizes.values())

    def _frame_count(self, selection: Selection, info: ModelInfo) -> int:
        # A short video may hold fewer frames than were asked for: what was sampled is exact.
        if selection == self.selection:
            return self.count
        start, end = check_range(
            selection.start_s, selection.end_s, self.duration_s, self.attachment.name
        )
        max_frames = min(self.limits.max_frames, info.max_frames)
        return frame_count(start, end, selection.frames, max_frames)
