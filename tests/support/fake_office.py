"""Programs that stand in for LibreOffice, each with a deed of its own instead of a conversion."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from files import make_pdf

PROGRAM = """#!{python} -I
import os, shutil, signal, sys, time
from pathlib import Path

def write_pdf():
    shutil.copy({pdf!r}, Path(sys.argv[sys.argv.index("--outdir") + 1], "document.pdf"))

def leave_behind():
    "Start a process in a session of its own, and end its parent."
    reads, writes = os.pipe()
    if not os.fork():
        if not os.fork():
            os.setsid()
            Path({left!r}).write_text(str(os.getpid()))
            os.close(writes)
            time.sleep(600)
        os._exit(0)
    os.close(writes)
    os.read(reads, 1)

def take(megabytes):
    "Return memory of which every page is in use."
    return b"x" * megabytes * 2**20

Path({started!r}).touch()
{deed}
"""


@dataclass(frozen=True)
class FakeOffice:
    """`program` is the path that MediaReader gets as that of LibreOffice."""

    folder: Path

    @staticmethod
    def make(folder: Path, deed: str) -> FakeOffice:
        office = FakeOffice(folder)
        pdf = str(make_pdf(folder / "made.pdf", 2))
        office.program.write_text(
            PROGRAM.format(
                python=sys.executable,
                pdf=pdf,
                left=str(office._left),
                started=str(office._started),
                deed=deed,
            )
        )
        office.program.chmod(0o755)
        return office

    @property
    def program(self) -> Path:
        return self.folder / "office"

    @property
    def _started(self) -> Path:
        return self.folder / "started"

    @property
    def _left(self) -> Path:
        return self.folder / "left"

    @property
    def started(self) -> bool:
        return self._started.exists()

    @property
    def left(self) -> int:
        """The pid of the process that it left behind, 0 before."""
        return int(self._left.read_text() or 0) if self._left.exists() else 0


def exists(pid: int) -> bool:
    """Whether there is such a process; one that has ended counts until it is reaped."""
    return os.path.exists(f"/proc/{pid}")
