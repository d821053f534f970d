"""PDF pages with PyMuPDF, and decks to PDF with LibreOffice. Runs in a child process only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pymupdf
from PIL import Image

from webui.errors import DamagedFileError, NoPagesError, PasswordProtectedError
from webui.media.confinement import die_with_parent
from webui.protocol import PixelBudget

NATURAL_DPI = 180
THUMBNAIL_SIDE = 480
# LibreOffice fetches linked pictures and runs what it finds unless its profile forbids it.
PROFILE = {
    "org.openoffice.Office.Common/Security/Scripting": {
        "BlockUntrustedRefererLinks": "true",
        "DisableMacrosExecution": "true",
        "DisableActiveContent": "true",
        "DisablePythonRuntime": "true",
        "DisableOLEAutomation": "true",
        "MacroSecurityLevel": "3",
    },
    "org.openoffice.Office.Common/Misc": {"FirstRun": "false"},
    "org.openoffice.Setup/Office": {"ooSetupInstCompleted": "true"},
}
XML = '<?xml version="1.0" encoding="UTF-8"?>\n<oor:items xmlns:oor="http://openoffice.org/2001/registry">\n{}\n</oor:items>'
ITEM = '<item oor:path="/{}"><prop oor:name="{}" oor:op="fuse"><value>{}</value></prop></item>'


def open_document(path: str | Path, name: str) -> pymupdf.Document:
    """Raises PasswordProtectedError, DamagedFileError or NoPagesError."""
    pymupdf.TOOLS.mupdf_display_errors(False)
    try:
        document = pymupdf.open(path, filetype="pdf")
        if document.needs_pass:
            raise PasswordProtectedError(name=name)
        count = document.page_count
    except (RuntimeError, ValueError, OSError) as error:
        raise DamagedFileError(name=name) from error
    if not count:
        raise NoPagesError(name=name)
    return document


def page_sizes(document: pymupdf.Document) -> list[tuple[int, int]]:
    """Natural size in pixels of each page, at 180 dpi."""
    scale = NATURAL_DPI / 72
    boxes = [document[index].rect for index in range(document.page_count)]
    return [(max(1, round(box.width * scale)), max(1, round(box.height * scale))) for box in boxes]


def draw_pages(
    document: pymupdf.Document,
    pages: Sequence[int],
    sizes: Sequence[tuple[int, int]],
    budget: PixelBudget | None,
    name: str,
) -> Iterator[Image.Image]:
    """Each of the 1-based pages, drawn once, straight at its size in the budget; without a budget as a thumbnail."""
    for number in pages:
        natural = sizes[number - 1]
        size = budget.fit(*natural) if budget else _thumbnail(natural)
        try:
            yield _draw(document[number - 1], size)
        except (RuntimeError, ValueError, OSError) as error:
            raise DamagedFileError(name=name) from error


def convert_deck(path: str, name: str, folder: str, office: str, suffix: str) -> str:
    """A PPT or PPTX as a PDF in `folder`. LibreOffice exits 0 without writing one, so success is that it opens."""
    profile = Path(folder, "profile", "user")
    profile.mkdir(parents=True)
    items = [ITEM.format(place, key, value) for place, values in PROFILE.items() for key, value in values.items()]
    (profile / "registrymodifications.xcu").write_text(XML.format("\n".join(items)))
    # A plain name of our own: the person's may hold anything.
    deck = Path(folder, f"deck.{suffix}")
    os.symlink(path, deck)
    subprocess.run(
        [
            office,
            f"-env:UserInstallation={profile.parent.as_uri()}",
            "--headless",
            "--norestore",
            "--nologo",
            "--convert-to",
            "pdf:impress_pdf_Export",
            "--outdir",
            folder,
            str(deck),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        preexec_fn=die_with_parent if os.name == "posix" else None,
    )
    pdf = deck.with_suffix(".pdf")
    if not pdf.is_file():
        raise DamagedFileError(name=name)
    open_document(pdf, name).close()
    return str(pdf)


def _thumbnail(natural: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, THUMBNAIL_SIDE / max(natural))
    return max(1, round(natural[0] * scale)), max(1, round(natural[1] * scale))


def _draw(page: pymupdf.Page, size: tuple[int, int]) -> Image.Image:
    """The page stretched to exactly `size`: fitted sizes differ from its shape by less than one visual token."""
    box = page.rect
    matrix = pymupdf.Matrix(size[0] / (box.width or 1), size[1] / (box.height or 1))
    pixmap = page.get_pixmap(matrix=matrix, alpha=False, colorspace=pymupdf.csRGB)
    image = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
    return image if image.size == size else image.resize(size)
