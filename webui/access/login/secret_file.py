"""The secret that signs logins, in a file that only this user can read."""

from __future__ import annotations

import logging
import os
import secrets
import stat
import sys
import tempfile
from pathlib import Path

NAME = "login-secret"
SECRET_BYTES = 32

logger = logging.getLogger(__name__)


def load_secret(folder: Path) -> bytes:
    """Return the secret in `folder`, which may begin with ~; a new one if there is none yet.

    A file that others could read or replace is not trusted: a new secret takes its place, and all
    logins end. Where no file can be kept, the secret is in memory, and logins end with the process.
    """
    path = folder / NAME
    try:
        path = path.expanduser()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return read_secret(path) or write_secret(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: the user has no home folder
        logger.warning("Logins end with this process: %s cannot be kept (%s)", path, error)
        return secrets.token_bytes(SECRET_BYTES)


def read_secret(path: Path) -> bytes | None:
    """Return the secret, None if the file is missing or not trusted. Raises OSError."""
    try:
        if path.is_symlink():
            logger.warning("%s is a symbolic link; a new secret replaces it", path)
            return None
        with path.open("rb") as file:
            status, secret = os.fstat(file.fileno()), file.read(SECRET_BYTES + 1)
    except FileNotFoundError:
        return None
    if is_private(status) and len(secret) == SECRET_BYTES:
        return secret
    logger.warning("%s was damaged or open to others; a new secret replaces it", path)
    return None


def is_private(status: os.stat_result) -> bool:
    if sys.platform == "win32":  # protected by the user's profile folder instead
        return True
    is_own = status.st_uid == os.geteuid()
    return is_own and stat.S_ISREG(status.st_mode) and not stat.S_IMODE(status.st_mode) & 0o077


def write_secret(path: Path) -> bytes:
    """Write a new secret and return it. Raises OSError.

    The file appears with its whole content, and only its owner can read it from the beginning. Of
    two processes that do this at the same moment, the logins of the earlier end with it.
    """
    secret = secrets.token_bytes(SECRET_BYTES)
    descriptor, temporary = tempfile.mkstemp(prefix=f"{NAME}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    return secret
