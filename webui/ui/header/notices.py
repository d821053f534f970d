"""Why another model answers than the wanted one, in the reader's language: known by how the engine words it."""

from __future__ import annotations

import re

from webui.ui.i18n.strings import Strings

FAILED = re.compile(r"(?P<model>\S+) could not be loaded: (?P<reason>.*)", re.DOTALL)


def notice_text(notice: str, t: Strings) -> str:
    """As it came, if nothing here has words for it."""
    if found := FAILED.fullmatch(notice):
        return t("notice_failed", model=found["model"], reason=t.reason(found["reason"]))
    text = t.reason(notice)
    return text if text == notice else text[:1].upper() + text[1:]
