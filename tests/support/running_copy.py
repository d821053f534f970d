"""A copy of the demo in a process of its own, for tests of restarts and of copies beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from page_server import ROOT, free_port

GUARD_S = 60


@contextmanager
def running_copy(folder: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start the demo with its temporary files in `folder`; yield its process and its address."""
    port = free_port()
    command = [sys.executable, str(ROOT / "launch.py"), "--model", "nano", "--port", str(port)]
    environ = {**os.environ, "GRADIO_TEMP_DIR": str(folder)}
    with subprocess.Popen([*command, *flags], env=environ, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline().startswith(b"Open ")
            address = f"http://127.0.0.1:{port}/"
            # The socket listens already; this waits until the page is there.
            httpx.get(address, timeout=GUARD_S)
            yield process, address
        finally:
            process.kill()
