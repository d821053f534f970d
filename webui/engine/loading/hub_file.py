"""Downloads one large file into the hub's own cache, and resumes where an earlier try stopped.

huggingface_hub resumes a dropped connection, but gives each call a temporary file of its own and
deletes it at the end: a process that is killed at 19 of 20 GB would start again from nothing. The
library accepts a file in `blobs` under its etag as downloaded, and links it into its snapshot.
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
# Consecutive failures without a new byte.
MAX_FAILURES = 5
PAUSE_S = 1.0
# The etag of a file in large file storage is the SHA-256 of its content.
SHA256 = re.compile(r"[0-9a-f]{64}")


class DamagedDownloadError(OSError):
    """A downloaded file differs from what the hub announced."""


def fetch_file(
    url: str,
    blob: Path,
    size: int,
    headers: dict[str, str],
    on_bytes: Callable[[int], None],
    *,
    pause: Callable[[float], None] = sleep,
) -> None:
    """Download `size` bytes from `url` to `blob`, whose name is the etag of the file.

    `on_bytes` gets the number of bytes on disk, those of earlier tries included. Raises
    httpx.HTTPError after MAX_FAILURES attempts in a row without a new byte, DamagedDownloadError
    for wrong content, and OSError of the disk. What has arrived stays for the next try. Tests pass
    `pause`.
    """
    part = blob.with_name(f"{blob.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    failures = 0
    with httpx.Client(follow_redirects=True, timeout=TIMEOUT_S) as client:
        while (before := size_of(part)) < size:
            on_bytes(before)
            try:
                append_rest(client, url, part, size, headers, on_bytes)
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                failures = failures + 1 if size_of(part) <= before else 1
                if failures == MAX_FAILURES or (
                    isinstance(error, httpx.HTTPStatusError) and error.response.status_code < 500
                ):
                    raise
                logger.warning(
                    "The download of %s was interrupted (%s); resuming", blob.name[:12], error
                )
                pause(PAUSE_S)
    verify_part(part, blob.name, size)
    on_bytes(size)
    part.rename(blob)


def append_rest(
    client: httpx.Client,
    url: str,
    part: Path,
    size: int,
    headers: dict[str, str],
    on_bytes: Callable[[int], None],
) -> None:
    """Append the rest of the file, or as much of it as arrives.

    A server that does not support ranges sends the whole file, which then replaces the part.
    """
    have = size_of(part)
    range_headers = {**headers, "Accept-Encoding": "identity", "Range": f"bytes={have}-"}
    with client.stream("GET", url, headers=range_headers) as response:
        response.raise_for_status()
        have = have if response.status_code == httpx.codes.PARTIAL_CONTENT else 0
        with part.open("ab" if have else "wb", buffering=0) as file:
            # Written as it arrives: what waits in memory is lost with the process.
            for chunk in response.iter_raw():
                file.write(chunk)
                have += len(chunk)
                on_bytes(min(have, size))


def verify_part(part: Path, etag: str, size: int) -> None:
    """Raise DamagedDownloadError, and delete the part, if it is not what the hub announced."""
    actual = size_of(part)
    if actual == size and SHA256.fullmatch(etag):
        digest = sha256()
        with part.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
        if digest.hexdigest() == etag:
            return
    elif actual == size:
        return
    part.unlink()
    raise DamagedDownloadError(
        f"a downloaded file has wrong content or size ({actual:,} bytes of {size:,})"
    )


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
