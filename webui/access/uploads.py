"""Uploads: the visitor of each uploaded file. Only uploaded files are opened, copied or served."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

from webui.access.refusal import Refusal
from webui.access.visitors import Visitor

MAX_SHOWN_LENGTH = 80
MAX_FILES_PER_VISITOR = 256
MAX_VISITORS = 10_000


class Uploads:
    """The newest files of each visitor; the visitors inactive for longest are dropped first.

    Gradio stores an upload under the hash of its bytes, so visitors with the same file share a
    path. It is recorded for each of them.

    The record is in memory, as short-lived as the files: the folder of a process is removed with it
    (run_folder.py). After a restart a path of an earlier process is foreign to every visitor. The
    browser still has the files that its user chose, so it uploads them again; a record on disk
    would name files that are gone.
    """

    def __init__(self, public: Iterable[str] = ()) -> None:
        """`public` are the page's own files, which every visitor may see."""
        self._public = {os.path.realpath(path) for path in public}
        self._files: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    def add(self, visitor: Visitor, path: str) -> None:
        files = self._files.setdefault(visitor.id, OrderedDict())
        self._files.move_to_end(visitor.id)
        resolved = os.path.realpath(path)
        files[resolved] = None
        files.move_to_end(resolved)
        while len(files) > MAX_FILES_PER_VISITOR:
            files.popitem(last=False)
        while len(self._files) > MAX_VISITORS:
            self._files.popitem(last=False)

    def check(self, visitor: Visitor, path: str, *, public: bool = False) -> None:
        """Raise Refusal unless this visitor uploaded the file, or may see it with `public`.

        The path is resolved, so `..` leads nowhere else; a symbolic link is always refused.
        """
        try:
            resolved = os.path.realpath(path)
            is_link = os.path.islink(path)
        except (ValueError, OSError):  # a NUL in the path, or a path that is too long
            raise foreign_file(path) from None
        is_public = public and resolved in self._public
        is_own = resolved in self._files.get(visitor.id, ())
        if is_link or not (is_own or is_public):
            raise foreign_file(path)

    def check_all(self, visitor: Visitor, value: Any) -> None:
        """Raise Refusal if a JSON value contains, at any depth, a file of another visitor."""
        for path in file_paths(value):
            self.check(visitor, path)


def file_paths(value: Any) -> Iterator[str]:
    """Yield the "path" of every object in a JSON value, whether or not it claims to be a file.

    Gradio treats every object with a path as a file where a component accepts files. Iterative,
    because a client chooses how deep the value is.
    """
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if "path" in item:
                yield item["path"] if isinstance(item["path"], str) else ""
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def foreign_file(path: str) -> Refusal:
    name = os.path.basename(path)[:MAX_SHOWN_LENGTH] or "The file"
    return Refusal(403, "foreign_file", f"{name} was not added in this browser. Add it again.")
