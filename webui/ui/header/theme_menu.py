"""The choice of a theme as HTML. The browser alone applies and remembers it."""

from __future__ import annotations

from html import escape

from webui.ui.i18n.strings import Strings

THEMES = ("system", "light", "dark")


def theme_menu_html(strings: Strings) -> str:
    """Return a menu under a small icon. assets/app.js selects the theme of the browser in it."""
    label = escape(strings("theme"))
    options = "".join(
        f'<option value="{name}">{escape(strings(f"theme_{name}"))}</option>' for name in THEMES
    )
    return (
        f'<label class="theme-choice" title="{label}"><i></i>'
        f'<select aria-label="{label}">{options}</select></label>'
    )
