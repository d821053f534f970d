"""The six tabs as values: the files that each takes, and its examples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from webui.errors import (
    MisplacedFileError,
    MisplacedPDFError,
    MisplacedPictureError,
    MisplacedSlidesError,
    MisplacedVideoError,
    UnsupportedTypeError,
)
from webui.ui.i18n.strings import Strings

IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif", ".hif"),
)
VIDEO_SUFFIXES = (".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v")
PDF_SUFFIXES = (".pdf",)
SLIDE_SUFFIXES = (".pptx", ".ppt")
# Files in the wrong tab are refused with the name of the tab that takes them.
MISPLACED: dict[tuple[str, ...], type[MisplacedFileError]] = {
    IMAGE_SUFFIXES: MisplacedPictureError,
    VIDEO_SUFFIXES: MisplacedVideoError,
    PDF_SUFFIXES: MisplacedPDFError,
    SLIDE_SUFFIXES: MisplacedSlidesError,
}


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

    def takes(self, path: Path) -> bool:
        return self.files and (not self.suffixes or path.suffix.lower() in self.suffixes)

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


def refusal_of(path: Path, spec: TabSpec, strings: Strings) -> UnsupportedTypeError | None:
    """Return why the tab does not take a file of that name, None if it does."""
    if spec.takes(path):
        return None
    for suffixes, error_type in MISPLACED.items():
        if path.suffix.lower() in suffixes:
            return error_type(name=path.name)
    return UnsupportedTypeError(name=path.name, accepted=spec.accepted_text(strings))
