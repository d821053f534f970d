"""Decks to PDF with LibreOffice, on a fresh profile that forbids macros and links. Runs in a child process only."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from webui.errors import DamagedFileError, TooLargeError
from webui.media.formats.pdf import open_document
from webui.media.sandbox.process_tree import descendants, exact_bytes, held_bytes
from webui.media.sandbox.rlimits import die_with_parent
from webui.media.sizes import megabytes

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
# The filter is named so that LibreOffice does not open something else that lies in the file.
FILTERS = {"pptx": "Impress MS PowerPoint 2007 XML", "ppt": "MS PowerPoint 97"}
# With the hidden slides: else "slide 12" would not be the one that its author calls so.
EXPORT = 'pdf:impress_pdf_Export:{"ExportHiddenSlides":{"type":"boolean","value":"true"}}'

# Between two measurements of its memory.
LOOK_S = 0.1


def convert_deck(
    path: str, name: str, folder: str, office: str, suffix: str, memory_bytes: int
) -> Path:
    """A PPT or PPTX as a PDF in `folder`. LibreOffice exits 0 without writing one, so success is that it opens.

    Raises TooLargeError as soon as all processes below this one hold more than `memory_bytes` together; they go on
    then, for the caller to end. Raises DamagedFileError for what LibreOffice cannot read.
    """
    profile = Path(folder, "profile")
    write_profile(profile)
    # A plain name of our own: the person's may hold anything.
    deck = Path(folder, f"deck.{suffix}")
    deck.symlink_to(path)
    process = subprocess.Popen(
        [
            office,
            f"-env:UserInstallation={profile.as_uri()}",
            "--headless",
            "--norestore",
            "--nologo",
            f"--infilter={FILTERS[suffix]}",
            "--convert-to",
            EXPORT,
            "--outdir",
            folder,
            str(deck),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent if os.name == "posix" else None,
    )
    while not ended(process, LOOK_S):
        check_memory(name, memory_bytes)
    pdf = deck.with_suffix(".pdf")
    if not pdf.is_file():
        raise DamagedFileError(name=name)
    open_document(pdf, name).close()
    return pdf


def ended(process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def check_memory(name: str, most_bytes: int) -> None:
    """Address space is no measure of LibreOffice: it reserves more than it uses."""
    pids = descendants(os.getpid())
    # A process that forks holds everything twice until its child starts a program, so a rough excess is measured again.
    if held_bytes(pids) > most_bytes and exact_bytes(pids) > most_bytes:
        raise TooLargeError(
            name=name, size=f"over {megabytes(most_bytes)} of memory", limit=megabytes(most_bytes)
        )


def write_profile(folder: Path) -> None:
    items = [
        ITEM.format(place, key, value)
        for place, values in PROFILE.items()
        for key, value in values.items()
    ]
    (folder / "user").mkdir(parents=True)
    (folder / "user" / "registrymodifications.xcu").write_text(XML.format("\n".join(items)))
