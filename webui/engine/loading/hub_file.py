"""One large file of the hub to its place in the hub's own cache, resumed where an earlier try was cut off.

huggingface_hub takes up a dropped connection, but gives each call a temporary file of its own and deletes it at the
end: a start that is killed at 19 of 20 GB would begin anew. A file that lies in `blobs` under its etag counts as
downloaded to the library, which then links it into its snapshot.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from time import sleep

import httpx

logger = logging.getLogger(__name__)

CHUNK_BYTES = 1024**2
TIMEOUT_S = 30.0
# In a row, each without a new byte.
TRIES = 5
PAUSE_S = 1.0
# The etag of a file in large file storage is the SHA-256 of its content.
SHA256 = re.compile(r"[0-9a-f]{64}")


class DamagedDownloadError(OSError):
    """What arrived is not what the hub announced."""


def fetch_file(
    url: str,
    blob: Path,
    size: int,
    headers: dict[str, str],
    on_bytes: Callable[[int], None],
    *,
    pause: Callable[[float], None] = sleep,
) -> None:
    """`size` bytes from `url` to `blob`, whose name is the etag. `on_bytes` gets how many are there, from the start on.

    Raises httpx.HTTPError once TRIES tries in a row brought nothing, DamagedDownloadError for a wrong content, OSError
    of the disk. What has arrived stays for the next try. `pause` is passed in by tests only.
    """
    part = blob.with_name(f"{blob.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    failures = 0
    with httpx.Client(follow_redirects=True, timeout=TIMEOUT_S) as client:
        while (before := bytes_of(part)) < size:
            on_bytes(before)
            try:
                append(client, url, part, size, headers, on_bytes)
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                failures = failures + 1 if bytes_of(part) <= before else 1
                if failures == TRIES or (
                    isinstance(error, httpx.HTTPStatusError) and error.response.status_code < 500
                ):
                    raise
                logger.warning(
                    "the download of %s was cut off (%s) and goes on", blob.name[:12], error
                )
                pause(PAUSE_S)
    check(part, blob.name, size)
    on_bytes(size)
    part.rename(blob)


def append(
    client: httpx.Client,
    url: str,
    part: Path,
    size: int,
    headers: dict[str, str],
    on_bytes: Callable[[int], None],
) -> None:
    """The rest of the file, or as much of it as comes. A server that knows no ranges sends it whole."""
    have = bytes_of(part)
    asked = {**headers, "Accept-Encoding": "identity", "Range": f"bytes={have}-"}
    with client.stream("GET", url, headers=asked) as response:
        response.raise_for_status()
        have = have if response.status_code == httpx.codes.PARTIAL_CONTENT else 0
        with part.open("ab" if have else "wb", buffering=0) as file:
            for (
                chunk
            ) in response.iter_raw():  # as it comes: what waits in memory is lost with the process
                file.write(chunk)
                have += len(chunk)
                on_bytes(min(have, size))


def check(part: Path, etag: str, size: int) -> None:
    """Raise DamagedDownloadError, and take the part away, if it is not what the hub announced."""
    actual = bytes_of(part)
    if actual == size and SHA256.fullmatch(etag):
        hashed = sha256()
        with part.open("rb") as file:
            while piece := file.read(CHUNK_BYTES):
                hashed.update(piece)
        if hashed.hexdigest() == etag:
            return
    elif actual == size:
        return
    part.unlink()
    raise DamagedDownloadError(
        f"a file arrived with another content or size ({actual:,} bytes of {size:,})"
    )


def bytes_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
