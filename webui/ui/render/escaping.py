"""Text that Markdown and HTML show as it is, wherever it stands."""

from __future__ import annotations

import re
from html import escape

PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


def escape_punctuation(text: str) -> str:
    """Return the text with each ASCII punctuation mark as an entity."""
    return PUNCTUATION.sub(lambda mark: f"&#{ord(mark[0])};", text)


def escape_to_one_line(text: str) -> str:
    """Return the text as HTML, with its line ends as entities.

    Markdown would end an HTML block at an empty line; to Markdown "\\r" ends a line too.
    """
    return escape(text).replace("\r\n", "\n").replace("\r", "\n").replace("\n", "&#10;")
