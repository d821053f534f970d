"""The files that wait in the message box: what each looks like, what was chosen of it, what it will cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from webui.errors import WebUIError
from webui.media.reader import Preview, Selection
from webui.ui.conversation import Picture


@dataclass(frozen=True, slots=True)
class Upload:
    """One file. Until it has been looked at there is neither preview nor error."""

    path: Path
    selection: Selection = field(default_factory=Selection)
    preview: Preview | None = None
    pictures: tuple[Picture, ...] = ()
    error: WebUIError | None = None

    @property
    def seen(self) -> bool:
        return self.preview is not None or self.error is not None


@dataclass(frozen=True, slots=True)
class Uploads:
    items: tuple[Upload, ...] = ()
    current: int = 0

    @property
    def item(self) -> Upload | None:
        return self.items[self.current] if self.items else None

    def with_paths(self, paths: Iterable[Path]) -> Uploads:
        """These files, in this order; what is known of them is kept, and the newest one is looked at."""
        known = {item.path: item for item in self.items}
        items = tuple(known.get(path, Upload(path)) for path in paths)
        fresh = [index for index, item in enumerate(items) if item.path not in known]
        current = fresh[-1] if fresh else min(self.current, max(len(items) - 1, 0))
        return Uploads(items, current)

    def put(self, item: Upload) -> Uploads:
        return replace(
            self, items=tuple(item if item.path == old.path else old for old in self.items)
        )

    def choose(self, selection: Selection) -> Uploads:
        """What the controls say about the file that is looked at."""
        return self.put(replace(self.item, selection=selection)) if self.item else self

    def selection_of(self, path: Path) -> Selection:
        return next((item.selection for item in self.items if item.path == path), Selection())
