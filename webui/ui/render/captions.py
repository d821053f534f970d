"""Where in its file a picture is from, in the reader's language: known by how its part is labelled."""

from __future__ import annotations

import re

from webui.ui.i18n.strings import Strings

# (a label, the key of its text), the first that fits.
KNOWN = (
    (re.compile(r"p\. (?P<number>\d+)"), "page_n"),
    (re.compile(r"slide (?P<number>\d+)"), "slide_n"),
    (re.compile(r"(?P<seconds>\d+\.\d) s"), "seconds"),
)


def caption_text(caption: str, t: Strings) -> str:
    """As it is, if it names a file."""
    for pattern, key in KNOWN:
        if found := pattern.fullmatch(caption):
            return t(key, **found.groupdict())
    return caption
