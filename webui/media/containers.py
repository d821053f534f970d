"""What lies in a ZIP or OLE container: a deck that can be read, or the reason why not.

Reading a container's directory can take long when it is made to, so this runs in a child process only.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from webui.errors import DamagedFileError, PasswordProtectedError, UnsupportedTypeError
from webui.media.sniff import ACCEPTED, OLE

# How OLE spells the names of the streams inside it.
ENCRYPTED, POWERPOINT = (name.encode("utf-16-le") for name in ("EncryptedPackage", "PowerPoint Document"))
WITHOUT_OFFICE = "PDF and PPTX; for PPT the server lacks LibreOffice"


def check_deck(path: Path, name: str, *, office: bool) -> Literal["pptx", "ppt"]:
    """Raises PasswordProtectedError, DamagedFileError, or UnsupportedTypeError for what is no deck we can read."""
    data = path.read_bytes()
    if not data.startswith(OLE):
        return _check_zip(path, name)
    if ENCRYPTED in data:
        raise PasswordProtectedError(name=name)
    if POWERPOINT not in data:
        raise UnsupportedTypeError(name=name, accepted=ACCEPTED)
    if not office:
        raise UnsupportedTypeError(name=name, accepted=WITHOUT_OFFICE)
    return "ppt"


def _check_zip(path: Path, name: str) -> Literal["pptx"]:
    try:
        with zipfile.ZipFile(path) as package:
            names = package.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DamagedFileError(name=name) from error
    if not any(inner.startswith("ppt/") for inner in names):
        raise UnsupportedTypeError(name=name, accepted=ACCEPTED)
    return "pptx"
