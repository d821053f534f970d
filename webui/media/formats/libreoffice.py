"""Convert office files to PDF with LibreOffice, on a fresh profile that forbids macros and links.

Runs in a child process only.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from webui.errors import DamagedFileError, TooLargeError
from webui.media.decode_job import DecodeJob
from webui.media.formats.pdf import open_document
from webui.media.formats.registry import OfficeType
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
XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<oor:items xmlns:oor="http://openoffice.org/2001/registry">\n{}\n</oor:items>'
)
ITEM = '<item oor:path="/{}"><prop oor:name="{}" oor:op="fuse"><value>{}</value></prop></item>'
# Seconds between two measurements of its memory.
MEASURE_INTERVAL_S = 0.1


def convert(job: DecodeJob, office_type: OfficeType) -> Path:
    """Write the office file at `job.path` as a PDF into `job.folder`, and return its path.

    LibreOffice exits 0 without writing one, so success is a PDF that opens. Raises
    DamagedFileError for a file that LibreOffice cannot read, and TooLargeError as soon as all
    processes below this one hold more than `job.resident_bytes` together; the caller ends them.
    """
    profile = Path(job.folder, "profile")
    write_profile(profile)
    # A plain name of our own: the name that the user gave the file may hold anything.
    document = Path(job.folder, f"document.{office_type.suffix}")
    document.symlink_to(job.path)
    process = subprocess.Popen(
        [
            job.office,
            f"-env:UserInstallation={profile.as_uri()}",
            "--headless",
            "--norestore",
            "--nologo",
            # A named filter keeps it from opening something else that lies in the file.
            f"--infilter={office_type.import_filter}",
            "--convert-to",
            office_type.export_filter,
            "--outdir",
            job.folder,
            str(document),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent if os.name == "posix" else None,
    )
    while not has_ended(process, MEASURE_INTERVAL_S):
        check_memory(job.name, job.resident_bytes)
    pdf = document.with_suffix(".pdf")
    if not pdf.is_file():
        raise DamagedFileError(name=job.name)
    open_document(pdf, job.name).close()
    return pdf


def has_ended(process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def check_memory(name: str, max_bytes: int) -> None:
    """Raise TooLargeError if all processes below this one hold more than that together.

    Address space is no measure of LibreOffice: it reserves more than it uses.
    """
    pids = descendants(os.getpid())
    # A forked process shares all memory with its parent until it starts a program, which the quick
    # measure counts twice: an excess is measured again, exactly.
    if held_bytes(pids) > max_bytes and exact_bytes(pids) > max_bytes:
        size = f"over {megabytes(max_bytes)} of memory"
        raise TooLargeError(name=name, size=size, limit=megabytes(max_bytes))


def write_profile(folder: Path) -> None:
    items: list[str] = []
    for path, values in PROFILE.items():
        items.extend(ITEM.format(path, key, value) for key, value in values.items())
    (folder / "user").mkdir(parents=True)
    (folder / "user" / "registrymodifications.xcu").write_text(XML.format("\n".join(items)))
