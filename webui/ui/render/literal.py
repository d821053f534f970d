"""Text that shows as it is wherever it stands: Markdown and HTML read nothing into it."""

from __future__ import annotations

import re

_ACTIVE = re.compile(r"[!-/:-@\[-`{-~]")


def literal(text: str) -> str:
    """`text` with each ASCII punctuation mark as an entity."""
    return _ACTIVE.sub(lambda mark: f"&#{ord(mark[0])};", text)
