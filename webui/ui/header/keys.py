"""The keys of the page as HTML: a button and the list that it, or the key "?", opens."""

from __future__ import annotations

from html import escape

from webui.ui.i18n.strings import Strings

# Each key, and the name of the text that says what it does.
KEYS = (
    ("Enter", "key_send"),
    ("Shift + Enter", "key_break"),
    ("Esc", "key_stop"),
    ("Tab", "key_next"),
    ("?", "key_list"),
)


def keys_html(strings: Strings) -> str:
    """Return the button and its closed dialog. assets/app.js opens it; the browser closes it."""
    title = escape(strings("keys"))
    rows = "".join(
        f"<dt><kbd>{key}</kbd></dt><dd>{escape(strings(text))}</dd>" for key, text in KEYS
    )
    return (
        f'<button type="button" class="keys-button" title="{title}" aria-label="{title}" '
        f'aria-haspopup="dialog">?</button>'
        f'<dialog class="keys" aria-label="{title}"><h2>{title}</h2><dl>{rows}</dl>'
        f'<form method="dialog"><button>{escape(strings("close"))}</button></form></dialog>'
    )
