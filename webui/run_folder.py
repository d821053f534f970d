"""A private folder for the temporary files of this process, removed with it.

Gradio deletes its folder when a server stops, so two servers that share one lose each other's
pictures. The folder is locked as long as its process lives, and the kernel releases the lock
however the process ends. So a later start knows the folders of killed processes, also those of
other containers that share the disk, whose process numbers mean nothing here. systemd-tmpfiles
leaves locked folders alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Self

from webui.errors import SettingsError

PREFIX = "webui-run-"
# Gradio reads the variable whenever it needs its folder. Some modules read it when they are
# imported, before this folder exists, for routes that PageGate does not open.
GRADIO_VARIABLE = "GRADIO_TEMP_DIR"


class RunFolder:
    """A context manager that yields the folder, and ends with it at SIGTERM too.

    `base` holds the folder: the value of GRADIO_TEMP_DIR at the start, "" for the system's folder
    of temporary files. At the end the variable has this value again, so a process that executes
    itself anew finds what this one found. Used in the main thread, as all signal handlers.
    """

    def __init__(self, base: str = "") -> None:
        self._base = base

    def __enter__(self) -> Self:
        """Make the folder. Raises SettingsError if that is not possible."""
        base = Path(self._base or tempfile.gettempdir())
        try:
            base.mkdir(parents=True, exist_ok=True)
            remove_abandoned(base)
            self.path, self._lock = make_locked(base)
        except OSError as error:
            accepted = f"a folder in which this process may write ({error.strerror})"
            raise SettingsError(name=GRADIO_VARIABLE, value=str(base), accepted=accepted) from None
        os.environ[GRADIO_VARIABLE] = str(self.path)
        # uvicorn raises a signal again after its shutdown, and the default handler would end the
        # process at once.
        self._previous_handler = signal.signal(signal.SIGTERM, self._end_process)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGTERM, self._previous_handler)
        self._remove()
        os.environ.pop(GRADIO_VARIABLE, None)
        if self._base:
            os.environ[GRADIO_VARIABLE] = self._base

    def _remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _end_process(self, number: int, frame: FrameType | None) -> None:
        """Remove the folder, then end by the same signal, as its sender expects."""
        self._remove()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
        # The kernel ignores the default handler of a container's first process.
        sys.exit(128 + number)


def make_locked(base: Path) -> tuple[Path, int | None]:
    """Return a new folder that only this user can open, and the descriptor that locks it.

    Another start may remove the folder between its creation and its lock; then it is made again.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base)).resolve()
        if sys.platform == "win32":
            return folder, None
        lock = lock_folder(folder)
        if lock is not None and folder.exists():
            return folder, lock
        if lock is not None:
            os.close(lock)


def remove_abandoned(base: Path) -> None:
    """Remove this user's folders whose process has ended."""
    if sys.platform == "win32":  # folders cannot be locked
        return
    for folder in base.glob(f"{PREFIX}*"):
        lock = lock_folder(folder)
        if lock is None:
            continue
        if os.fstat(lock).st_uid == os.geteuid():
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def lock_folder(folder: Path) -> int | None:
    """Return the descriptor of the locked folder, None if it is gone, foreign, or locked.

    A symbolic link is not followed. The descriptor closes at an exec, and the lock with it.
    """
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor
    os.close(descriptor)
    return None
