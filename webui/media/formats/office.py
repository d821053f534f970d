"""Convert an office file to PDF, with LibreOffice or without. Runs in a child process only."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from webui.media.decode_job import DecodeJob, Reporter
from webui.media.formats.libreoffice import convert
from webui.media.formats.office_package import check_package
from webui.media.sandbox.process_tree import end_descendants
from webui.media.sandbox.rlimits import end_tree_with_parent


def read(job: DecodeJob, reporter: Reporter) -> None:
    """Send the file as a PDF, with the suffix of the type that it turned out to be."""
    path = Path(job.path)
    office_type = check_package(path, job.name, job.resident_bytes, office=bool(job.office))
    if job.office:
        end_tree_with_parent()
        try:
            pdf = convert(job, office_type)
        finally:
            # LibreOffice leaves programs behind that it has started, such as gpgconf.
            end_descendants()
    else:
        pdf = import_module(office_type.fallback).draw(job.path, job.name, job.folder)
    reporter.send_bytes(pdf.read_bytes(), suffix=office_type.suffix)
