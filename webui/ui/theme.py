"""The theme, the stylesheet and the script of the page. app.py hands them to Gradio."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import gradio as gr

from webui.ui.i18n.strings import Strings

ASSETS = Path(__file__).resolve().parents[2] / "assets"
STYLESHEET = ASSETS / "style.css"
SCRIPT = ASSETS / "app.js"
PREFERENCES_SCRIPT = ASSETS / "preferences.js"

ACCENT = gr.themes.Color(
    c50="#eef7f6", c100="#d5ecea", c200="#aedad6", c300="#7cc2bc", c400="#48a59e", c500="#258880",
    c600="#0f6e67", c700="#0d5954", c800="#0d4845", c900="#0c3c3a", c950="#052423", name="accent",
)  # fmt: skip
INK = gr.themes.Color(
    c50="#faf9f7", c100="#f3f2ef", c200="#e6e4df", c300="#d3d0c9", c400="#a19d95", c500="#716d66",
    c600="#55524c", c700="#3d3b37", c800="#262522", c900="#1b1a18", c950="#131211", name="ink",
)  # fmt: skip
MONO_FONTS = (
    "ui-monospace",
    "SFMono-Regular",
    "Menlo",
    "Consolas",
    "Noto Sans Mono CJK SC",
    "monospace",
)

# Gradio's own page forbids zooming and lets a phone's keyboard cover the message box.
HEAD = (
    '<meta name="viewport" content="width=device-width, initial-scale=1, '
    'interactive-widget=resizes-content">'
)

# Theme variables: a background like paper, text like ink, and the accent for what is selected or
# pressed.
THEME_VARIABLES = {
    "body_background_fill": "*neutral_50",
    "body_background_fill_dark": "*neutral_950",
    "body_text_color": "*neutral_900",
    "body_text_color_dark": "*neutral_100",
    "body_text_color_subdued": "*neutral_600",
    "body_text_color_subdued_dark": "*neutral_400",
    "background_fill_primary": "white",
    "background_fill_primary_dark": "*neutral_900",
    "background_fill_secondary": "*neutral_100",
    "background_fill_secondary_dark": "*neutral_800",
    "block_background_fill": "white",
    "block_background_fill_dark": "*neutral_900",
    "block_border_color": "*neutral_200",
    "block_border_color_dark": "*neutral_800",
    "block_label_text_color": "*neutral_600",
    "block_label_text_color_dark": "*neutral_400",
    "block_title_text_color": "*neutral_800",
    "block_title_text_color_dark": "*neutral_200",
    "block_title_text_weight": "500",
    "block_info_text_color": "*neutral_600",
    "block_info_text_color_dark": "*neutral_400",
    "block_shadow": "none",
    "block_shadow_dark": "none",
    "border_color_primary": "*neutral_200",
    "border_color_primary_dark": "*neutral_800",
    "input_background_fill": "white",
    "input_background_fill_dark": "*neutral_900",
    "input_border_color": "*neutral_300",
    "input_border_color_dark": "*neutral_700",
    "input_border_color_focus": "*primary_600",
    "input_border_color_focus_dark": "*primary_400",
    "input_placeholder_color": "*neutral_500",
    "input_placeholder_color_dark": "*neutral_400",
    "button_primary_background_fill": "*primary_600",
    "button_primary_background_fill_hover": "*primary_700",
    "button_primary_background_fill_dark": "*primary_600",
    "button_primary_text_color": "white",
    "button_secondary_background_fill": "white",
    "button_secondary_background_fill_dark": "*neutral_900",
    "button_secondary_background_fill_hover": "*neutral_100",
    "button_secondary_background_fill_hover_dark": "*neutral_800",
    "button_secondary_border_color": "*neutral_200",
    "button_secondary_border_color_dark": "*neutral_700",
    "slider_color": "*primary_600",
    "slider_color_dark": "*primary_400",
}


def script_tag() -> str:
    """Return the tag that loads assets/app.js from its route.

    It is the `head` of the components whose `js_on_load` needs the script: Gradio loads it once,
    and runs their code after it. The address is relative, because the page may lie below a path,
    and changes with the content, so that no browser runs an older script from its cache.
    """
    version = sha256(SCRIPT.read_bytes()).hexdigest()[:12]
    return f'<script src="{SCRIPT.name}?v={version}"></script>'


def theme() -> gr.themes.Base:
    """Return the page's colours with one accent, and system fonts only."""
    base = gr.themes.Base(
        primary_hue=ACCENT,
        secondary_hue=ACCENT,
        neutral_hue=INK,
        font=Strings().fonts,
        font_mono=MONO_FONTS,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
    )
    return base.set(**THEME_VARIABLES)
