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


@dataclass(frozen=True, slots=True)
class FileKind:
    """Files that one tab takes by their names.

    `media_types` are for the file pickers of phones, which do not know every suffix.
    `misplaced_error` names the tab where such a file was added elsewhere.
    """

    suffixes: tuple[str, ...]
    media_types: tuple[str, ...]
    misplaced_error: type[MisplacedFileError]


PICTURES = FileKind(
    (
        *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
        *(".avif", ".heic", ".heif", ".hif"),
    ),
    ("image/*",),
    MisplacedPictureError,
)
VIDEOS = FileKind(
    (".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v"), ("video/*",), MisplacedVideoError
)
PDFS = FileKind((".pdf",), ("application/pdf",), MisplacedPDFError)
SLIDES = FileKind(
    (".pptx", ".ppt"),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.ms-powerpoint",
    ),
    MisplacedSlidesError,
)
FILE_KINDS = (PICTURES, VIDEOS, PDFS, SLIDES)


@dataclass(frozen=True, slots=True)
class Example:
    """One card: `key` names its question among the texts, `file` is "" for a question alone."""

    key: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class TabSpec:
    """A conversation column and its viewer.

    `kind` None takes files of any name, `files` False takes none. `accepts` names the texts that
    say so to the user.
    """

    name: str
    kind: FileKind | None = None
    accepts: tuple[str, ...] = ("kind_image", "kind_video", "kind_document")
    files: bool = True
    examples: tuple[Example, ...] = ()

    def takes(self, path: Path) -> bool:
        return self.files and (self.kind is None or path.suffix.lower() in self.kind.suffixes)

    @property
    def file_filter(self) -> str:
        """What the file picker offers, as the `accept` attribute of HTML writes it."""
        kinds = (self.kind,) if self.kind else FILE_KINDS
        return ",".join(name for kind in kinds for name in (*kind.media_types, *kind.suffixes))

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
        PICTURES,
        ("kind_image",),
        examples=(
            Example("example_count", "blue-squares.png"),
            Example("example_sign", "sign.png"),
            Example("example_tallest", "bars.png"),
        ),
    ),
    TabSpec(
        "video",
        VIDEOS,
        ("kind_video",),
        examples=(
            Example("example_moving", "orange-circle.mp4"),
            Example("example_moving_shape", "blue-square.mp4"),
            Example("example_direction", "purple-triangle.mp4"),
        ),
    ),
    TabSpec(
        "pdf",
        PDFS,
        ("kind_pdf",),
        examples=(
            Example("example_headline", "three-pages.pdf"),
            Example("example_last_headline", "three-pages.pdf"),
            Example("example_page_count", "three-pages.pdf"),
        ),
    ),
    TabSpec(
        "ppt",
        SLIDES,
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
    for kind in FILE_KINDS:
        if path.suffix.lower() in kind.suffixes:
            return kind.misplaced_error(name=path.name)
    return UnsupportedTypeError(name=path.name, accepted=spec.accepted_text(strings))
