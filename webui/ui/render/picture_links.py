"""Pictures in Markdown become links that name their host.

A browser fetches a picture to show it, and a link only when it is followed: a document with hidden
instructions must not make the page send away what was asked.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from webui.ui.render.escaping import escape_punctuation

# Shown in place of "!": no longer the start of a picture, and it looks the same.
PLAIN_MARK = "&#33;"
_WINDOW = 2000
_ALT = r"!\[[^\[\]\\`\n]*"
_PLAIN = r"[^\s()<>\[\]\\`]"
_TITLE = r"(?:\"[^\"\n\\]*\"|'[^'\n\\]*')"
_PICTURE = re.compile(
    rf"!\[([^\[\]\\`\n]*)\]\([ \t]*<?((?:{_PLAIN}|\({_PLAIN}*\))+)>?(?:[ \t]+{_TITLE})?[ \t]*\)"
)
_MAYBE_TITLE = r"(?:\"[^\"\n\\]*\"?|'[^'\n\\]*'?)"
# Every beginning of what _PICTURE matches.
_MAYBE_PICTURE = re.compile(
    rf"{_ALT}(?:\](?:\([ \t]*<?(?:{_PLAIN}|\({_PLAIN}*\))*"
    rf"(?:\({_PLAIN}*|>?(?:[ \t]+{_MAYBE_TITLE}?)?[ \t]*))?)?"
)
_HOST = re.compile(r"[\w.-]+")


def picture_link(pending: str, final: bool) -> tuple[int, str] | None:
    """Return (characters consumed, their Markdown) for text that begins with "![".

    None if more text must arrive first. A picture without a host, or one in any but the plainest
    form of Markdown, loses its "!" and goes on as text.
    """
    window = pending[:_WINDOW]
    match = _PICTURE.match(window)
    if match is None:
        may_match = len(pending) < _WINDOW and _MAYBE_PICTURE.fullmatch(pending)
        return None if may_match and not final else (1, PLAIN_MARK)
    alt, url = match.groups()
    host = host_of(url)
    if not host:
        return 1, PLAIN_MARK
    name = f"{escape_punctuation(alt.strip())} ({host})" if alt.strip() else host
    return match.end(), f"[{name}]({url.replace('&', '&amp;')})"


def host_of(url: str) -> str:
    """Return the host that a browser would ask, with its port; "" if there is none.

    Names that are not ASCII are in Punycode, so that no letter looks like another.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        name = host if host.isascii() else host.encode("idna").decode()
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https", "") or not _HOST.fullmatch(name):
        return ""
    return name if port is None else f"{name}:{port}"
