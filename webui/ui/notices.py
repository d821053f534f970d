"""Why another model answers than the wanted one, in the reader's language: known by how the engine words it."""

from __future__ import annotations

import re

from webui.ui.strings import Strings

Known = tuple[tuple[re.Pattern[str], str], ...]
# (how a notice reads, the key of its text), the first that fits; what is in the groups stays as it is.
KNOWN: Known = (
    (re.compile(r"no GPU of (?P<size>\d+) GB or more was found"), "notice_no_gpu"),
    (re.compile(r"(?P<model>\S+) could not be loaded: the hub cannot be reached \(.*\)", re.S), "notice_hub"),
    (re.compile(r"(?P<model>\S+) could not be loaded: the hub has no model (?P<source>\S+), or .*"), "notice_unknown"),
    (
        re.compile(r"(?P<model>\S+) could not be loaded: no memory is left for a conversation of (?P<count>\S+) .*"),
        "notice_memory",
    ),
    (re.compile(r"(?P<model>\S+) could not be loaded: (?P<reason>.*)", re.S), "notice_other"),
)


def notice_text(notice: str, t: Strings) -> str:
    return reworded(notice, KNOWN, t)


def reworded(text: str, known: Known, t: Strings) -> str:
    """As it came, if nobody has put it into words."""
    for pattern, key in known:
        if found := pattern.fullmatch(text):
            return t(key, **found.groupdict())
    return text
