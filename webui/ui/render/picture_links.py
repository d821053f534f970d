"""A picture in Markdown -> a link that names its host.

The browser fetches a picture to show it, a link only when it is followed: a document with a hidden instruction must
not send away what was asked.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from webui.ui.render.literal import literal

# What cannot become an image any more, and still shows as it was written.
PLAIN_MARK = "&#33;"
_WINDOW = 2000
_ALT = r"!\[[^\[\]\\`\n]*"
_PLAIN = r"[^\s()<>\[\]\\`]"
_TITLE = r"(?:\"[^\"\n\\]*\"|'[^'\n\\]*')"
_PICTURE = re.compile(
    rf"!\[([^\[\]\\`\n]*)\]\([ \t]*<?((?:{_PLAIN}|\({_PLAIN}*\))+)>?(?:[ \t]+{_TITLE})?[ \t]*\)"
)
_MAYBE_TITLE = r"(?:\"[^\"\n\\]*\"?|'[^'\n\\]*'?)"
_MAYBE_PICTURE = re.compile(
    rf"{_ALT}(?:\](?:\([ \t]*<?(?:{_PLAIN}|\({_PLAIN}*\))*(?:\({_PLAIN}*|>?(?:[ \t]+{_MAYBE_TITLE}?)?[ \t]*))?)?"
)
_HOST = re.compile(r"[\w.-]+")


def picture_link(held: str, final: bool) -> tuple[int, str] | None:
    """(characters taken, what is shown for them) of text that begins with "!["; None if that is not known yet.

    A picture without a host, or one that Markdown's plainest form does not fit, loses its "!" and goes on as text.
    """
    window = held[:_WINDOW]
    found = _PICTURE.match(window)
    if found is None:
        undecided = not final and len(held) < _WINDOW and _MAYBE_PICTURE.fullmatch(held)
        return None if undecided else (1, PLAIN_MARK)
    alt, url = found.groups()
    host = host_of(url)
    if not host:
        return 1, PLAIN_MARK
    name = f"{literal(alt.strip())} ({host})" if alt.strip() else host
    return found.end(), f"[{name}]({url.replace('&', '&amp;')})"


def host_of(url: str) -> str:
    """The host that a browser would ask, with its port, non-ASCII names in Punycode; "" if it cannot be told."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        name = host if host.isascii() else host.encode("idna").decode()
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https", "") or not _HOST.fullmatch(name):
        return ""
    return name if port is None else f"{name}:{port}"
