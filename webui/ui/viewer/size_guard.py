"""A file that is too large is told beside the conversation, in the reader's words, and is never sent.

Gradio has the same limit, in the browser and again on the server, but tells it in bytes and in English only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from webui.errors import TooLargeError
from webui.ui.i18n.strings import file_size

# Runs before Gradio sees the files; those that are small enough go on alone.
GUARD = """
const room = element.closest(".room");
const guard = (event, list) => {
  const input = room.querySelector(".composer input[type=file]");
  const files = [...(list ?? [])];
  const refused = files.filter((file) => file.size > props.max_file_bytes);
  if (!files.length || !input || !event.target.closest(".composer")) return;
  if (!refused.length) {
    props.value = "";
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  if (event.type === "drop") event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true }));
  trigger("upload", { files: refused.map((file) => [file.name, file.size]) });
  const kept = new DataTransfer();
  for (const file of files) if (!refused.includes(file)) kept.items.add(file);
  input.files = kept.files;
  if (kept.files.length) input.dispatchEvent(new Event("change", { bubbles: true }));
};
room.addEventListener("change", (event) => guard(event, event.target.files), true);
room.addEventListener("drop", (event) => guard(event, event.dataTransfer?.files), true);
room.addEventListener("paste", (event) => guard(event, event.clipboardData?.files), true);
"""


def too_large(files: Iterable[tuple[Any, Any]], limit: int) -> list[TooLargeError]:
    """One error for each (name, size in bytes) that the browser tells."""
    return [
        TooLargeError(name=str(name), size=file_size(int(size)), limit=file_size(limit))
        for name, size in files
    ]
