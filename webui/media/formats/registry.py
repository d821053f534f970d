"""The formats that can be read: how each is recognised, and which module decodes it in a child.

A format whose files become pages or frames needs one module with `read(job, reporter)` and one
entry in FORMATS. An office format that LibreOffice converts needs an entry in OFFICE_TYPES only.
Imports no decoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from webui.errors import DamagedFileError, UnsupportedTypeError
from webui.media.formats.file_type import is_office_container, is_pdf, is_picture, is_video
from webui.protocol import AttachmentKind, PageLabelType, SlideLabel

PICTURE_TYPES = "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, HEIC"


@dataclass(frozen=True, slots=True)
class Format:
    """`accepted` names its types in errors; `reader` is the module whose `read` decodes a file.

    `office` files are converted to PDF first, and read as such.
    """

    kind: AttachmentKind
    accepted: str
    matches: Callable[[bytes], bool]
    reader: str
    office: bool = False


@dataclass(frozen=True, slots=True)
class OfficeType:
    """One type of office file.

    `suffix` is the name LibreOffice gets it under. `part_prefix` begins the names of some of its
    parts in a ZIP container; `stream` is the main stream in an OLE container. `fallback` is the
    module whose `draw` makes a PDF where LibreOffice is missing, "" for none.
    """

    suffix: str
    import_filter: str
    export_filter: str
    label: PageLabelType
    part_prefix: str = ""
    stream: str = ""
    fallback: str = ""


# Hidden slides are exported too: else "slide 12" would not be the one that its author calls so.
SLIDES_TO_PDF = 'pdf:impress_pdf_Export:{"ExportHiddenSlides":{"type":"boolean","value":"true"}}'
OFFICE_TYPES = (
    OfficeType(
        "ppt",
        "MS PowerPoint 97",
        SLIDES_TO_PDF,
        SlideLabel,
        stream="PowerPoint Document",
    ),
    OfficeType(
        "pptx",
        "Impress MS PowerPoint 2007 XML",
        SLIDES_TO_PDF,
        SlideLabel,
        part_prefix="ppt/",
        fallback="webui.media.formats.pptx",
    ),
)


PICTURE = Format("image", PICTURE_TYPES, is_picture, "webui.media.formats.image")
PDF = Format("document", "PDF", is_pdf, "webui.media.formats.pdf")
OFFICE = Format(
    "document",
    ", ".join(known.suffix.upper() for known in OFFICE_TYPES),
    is_office_container,
    "webui.media.formats.office",
    office=True,
)
VIDEO = Format("video", "video", is_video, "webui.media.formats.video")
# The first that matches is taken.
FORMATS = (PICTURE, PDF, OFFICE, VIDEO)


def sniff(head: bytes, name: str) -> Format:
    """Return the format of a file by its first HEAD_BYTES.

    Raises DamagedFileError for an empty file, UnsupportedTypeError for an unknown format.
    """
    if not head:
        raise DamagedFileError(name=name)
    for file_format in FORMATS:
        if file_format.matches(head):
            return file_format
    raise UnsupportedTypeError(name=name, accepted=accepted_formats())


def accepted_formats() -> str:
    """Return every type that can be read, for errors."""
    *others, last = (file_format.accepted for file_format in FORMATS)
    return f"{', '.join(others)} and {last}"


def office_type(suffix: str) -> OfficeType:
    """Return the type with that suffix. Raises KeyError for an unknown one."""
    return {known.suffix: known for known in OFFICE_TYPES}[suffix]
