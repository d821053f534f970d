"""Uploads: which visitor gave which file. Only these are ever opened, copied or served."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

from webui.access.refusal import Refusal
from webui.access.visitors import Visitor

LONGEST_SHOWN = 80
MOST_FILES = 256
MOST_VISITORS = 10_000


class Uploads:
    """Files by visitor, the newest of each; visitors unseen for longest are forgotten first.

    Gradio stores an upload under the hash of its bytes: visitors with the same file share a path, and each has it.
    """

    def __init__(self, public: Iterable[str] = ()) -> None:
        """`public` files are the page's own, which anybody may see."""
        self._public = {os.path.realpath(path) for path in public}
        self._files: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    def add(self, visitor: Visitor, path: str) -> None:
        files = self._files.setdefault(visitor.id, OrderedDict())
        self._files.move_to_end(visitor.id)
        files[os.path.realpath(path)] = None
        files.move_to_end(os.path.realpath(path))
        while len(files) > MOST_FILES:
            files.popitem(last=False)
        while len(self._files) > MOST_VISITORS:
            self._files.popitem(last=False)

    def check(self, visitor: Visitor, path: str, *, public: bool = False) -> None:
        """Raise Refusal unless this visitor uploaded the file; `public` ones are for the eye only.

        The path is resolved, so that neither `..` nor a link leads elsewhere; a link is refused wherever it leads.
        """
        try:
            resolved = os.path.realpath(path)
            linked = os.path.islink(path)
        except (ValueError, OSError):  # a NUL in it, or far too long
            raise foreign(path) from None
        own = resolved in self._files.get(visitor.id, ()) or (public and resolved in self._public)
        if linked or not own:
            raise foreign(path)

    def check_all(self, visitor: Visitor, value: Any) -> None:
        """Raise Refusal if a JSON value names a file, at any depth, that is not this visitor's."""
        for path in paths_in(value):
            self.check(visitor, path)


def paths_in(value: Any) -> Iterator[str]:
    """What a JSON value names as a file: "path" of an object, whether or not it calls itself a FileData.

    Gradio makes a file of any object with a path where a component takes files. No recursion: a stranger chooses how
    deep the value is.
    """
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if "path" in each:
                yield each["path"] if isinstance(each["path"], str) else ""
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def foreign(path: str) -> Refusal:
    name = os.path.basename(path)[:LONGEST_SHOWN] or "The file"
    return Refusal(403, "foreign_file", f"{name} was not added in this browser. Add it again.")
