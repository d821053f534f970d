"""What is known of a file before anything of it is chosen, and what a choice will take. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from webui.media.selection.frame_sampling import check_range, fit_frames, frame_count
from webui.media.selection.page_range import parse_pages
from webui.media.sizes import Size, fit_share
from webui.protocol import PageLabel, PageLabelType, PixelBudget


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen part of a file: `pages` "" are the first ones, `frames` None as many as fit."""

    pages: str = ""
    start_s: float = 0.0
    end_s: float | None = None
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class FrameSampling:
    """Which frames of a video are decoded: `count` between two times in seconds, all of `size`."""

    start_s: float
    end_s: float
    count: int
    size: Size


@dataclass(frozen=True, slots=True)
class Outline:
    """The natural size in pixels of each page (at 180 dpi), of a picture or of a video's frames.

    Parent and child compute pages, frames and sizes with the same methods, so that the parent
    knows beforehand what a child would send.
    """

    name: str
    natural_sizes: tuple[Size, ...]
    duration_s: float = 0.0
    page_label: PageLabelType = PageLabel

    def page_sizes(
        self, selection: Selection, budget: PixelBudget, max_tokens: int, max_pages: int
    ) -> dict[int, Size]:
        """Map each chosen page to its size for the model.

        Raises PageRangeError and TooManyPagesError.
        """
        count = len(self.natural_sizes)
        pages = parse_pages(selection.pages, count, max_pages, self.name, self.page_label)
        sizes: dict[int, Size] = {}
        for page in pages:
            natural = self.natural_sizes[page - 1]
            sizes[page] = fit_share(natural, len(pages), budget, max_tokens)
        return sizes

    def sampling(
        self, selection: Selection, budget: PixelBudget, max_tokens: int, max_frames: int
    ) -> FrameSampling:
        """Return which frames of the video are decoded. Raises TimeRangeError."""
        start, end = check_range(selection.start_s, selection.end_s, self.duration_s, self.name)
        count = frame_count(start, end, selection.frames, max_frames)
        return FrameSampling(
            start, end, *fit_frames(count, self.natural_sizes[0], budget, max_tokens)
        )
