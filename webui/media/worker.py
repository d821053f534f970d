"""The code of a child process: take one job, decode the file, send pages or frames to the parent.

Runs in the sandbox only. `load_libraries` runs once, in the process that children are forked from.
"""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import replace
from importlib import import_module
from typing import Any

from webui.errors import AttachmentError, DamagedFileError, TooLargeError
from webui.media.decode_job import DecodeJob, Reporter
from webui.media.source_file import pin


def load_libraries() -> None:
    """Import what reads pictures and documents, so that a forked child need not."""
    block_unused_imports()
    from PIL import Image

    Image.init()
    import_module("webui.media.formats.image")
    import_module("webui.media.formats.pdf")


def block_unused_imports() -> None:
    """Keep PyMuPDF from importing its layout model and Markdown writer: 90% of its import time."""
    sys.modules.update({"pymupdf.layout": None, "pymupdf4llm": None})  # type: ignore[dict-item]


def main(values: dict[str, Any]) -> None:
    """Run one job and exit. The fork server calls this in the child, after confining it."""
    # Libraries print to standard output: the parent's stream moves to a descriptor of its own.
    reporter = Reporter(os.fdopen(os.dup(1), "wb"))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    job = DecodeJob.from_json(values)
    try:
        if job.path and not job.payload_bytes:
            job = replace(job, path=pin(job.path, job.identity, job.name))
        import_module(job.reader).read(job, reporter)
        reporter.send(done=True)
    except AttachmentError as error:
        reporter.send_error(error, repr(error.__cause__ or ""))
    except Exception as error:
        # The boundary to hostile files: whatever a decoder raises, the file is at fault.
        reporter.send_error(classify_error(error, job), repr(error))
    os._exit(0)  # some decoders hang while the interpreter shuts down


def classify_error(error: Exception, job: DecodeJob) -> AttachmentError:
    """Return TooLargeError where memory or disk ran out, else DamagedFileError."""
    # MuPDF reports a failed allocation as an error of its own, with "malloc" in the text.
    if isinstance(error, MemoryError) or "malloc" in str(error):
        memory = f"more than {job.memory_bytes // 1024**2:,} MB of memory"
        return TooLargeError(name=job.name, size=memory, limit="that much")
    if isinstance(error, OSError) and error.errno in (errno.EFBIG, errno.ENOSPC):
        disk = "more disk space than there is"
        return TooLargeError(name=job.name, size=disk, limit="that much")
    return DamagedFileError(name=job.name)
