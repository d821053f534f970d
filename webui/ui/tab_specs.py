"""The six tabs as values: the files that each takes, and its examples."""

from __future__ import annotations

from dataclasses import dataclass

from webui.ui.i18n.strings import Strings

IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif", ".hif"),
)
VIDEO_SUFFIXES = (".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v")
PDF_SUFFIXES = (".pdf",)
SLIDE_SUFFIXES = (".pptx", ".ppt")


@dataclass(frozen=True, slots=True)
class Example:
    """One card: `key` names its question among the texts, `file` is "" for a question alone."""

    key: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class TabSpec:
    """A conversation column and its viewer.

    `suffixes` () takes files of any name, `files` False takes none. `accepts` names the texts that
    say so to the user.
    """

    name: str
    suffixes: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ("kind_image", "kind_video", "kind_document")
    files: bool = True
    examples: tuple[Example, ...] = ()

    def accepted_text(self, strings: Strings) -> str:
        return ", ".join(strings(key) for key in self.accepts)


TABS = (
    TabSpec(
        "thinking",
        examples=(
            Example("example_circle", "red-circle.png"),
            Example("example_headline", "three-pages.pdf"),
            Example("example_moving", "orange-circle.mp4"),
        ),
    ),
    TabSpec(
        "chat",
        accepts=("text_only",),
        files=False,
        examples=(Example("example_who"), Example("example_sum"), Example("example_hello")),
    ),
    TabSpec(
        "image",
        IMAGE_SUFFIXES,
        ("kind_image",),
        examples=(
            Example("example_count", "blue-squares.png"),
            Example("example_sign", "sign.png"),
            Example("example_tallest", "bars.png"),
        ),
    ),
    TabSpec(
        "video",
        VIDEO_SUFFIXES,
        ("kind_video",),
        examples=(
            Example("example_moving", "orange-circle.mp4"),
            Example("example_moving_shape", "blue-square.mp4"),
            Example("example_direction", "purple-triangle.mp4"),
        ),
    ),
    TabSpec(
        "pdf",
        PDF_SUFFIXES,
        ("kind_pdf",),
        examples=(
            Example("example_headline", "three-pages.pdf"),
            Example("example_last_headline", "three-pages.pdf"),
            Example("example_page_count", "three-pages.pdf"),
        ),
    ),
    TabSpec(
        "ppt",
        SLIDE_SUFFIXES,
        ("kind_ppt",),
        examples=(
            Example("example_slide_title", "three-slides.pptx"),
            Example("example_first_title", "three-slides.pptx"),
            Example("example_slide_count", "three-slides.pptx"),
        ),
    ),
)
