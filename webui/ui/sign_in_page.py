"""The page that asks for a name and a password: one HTML document without a script."""

from __future__ import annotations

from html import escape

from webui.errors import AccessError, LoginError
from webui.ui.i18n.strings import Strings, language_of

PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1b1a18; --paper: #faf9f7; --box: #fff; --line: #d3d0c9;
  --accent: #0f6e67; --wrong: #a3281f; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #f3f2ef; --paper: #131211; --box: #1b1a18; --line: #3d3b37; --wrong: #f0a099; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0; min-height: 100dvh; display: grid; place-items: center; padding: 1rem;
  background: var(--paper); color: var(--ink); font: 16px/1.5 {fonts}; }}
form {{ width: min(22rem, 100%); display: grid; gap: 1rem; padding: 2rem; background: var(--box);
  border: 1px solid var(--line); border-radius: 10px; }}
h1 {{ margin: 0; font-size: 1.25rem; }}
label {{ display: grid; gap: .25rem; }}
input, button {{ font: inherit; min-height: 44px; padding: 0 .75rem; border-radius: 6px;
  color: inherit; }}
input {{ background: transparent; border: 1px solid var(--line); }}
button {{ background: var(--accent); color: #fff; border: 0; cursor: pointer; font-weight: 500; }}
:focus-visible {{ outline: 2px solid var(--accent); outline-offset: 2px; }}
p {{ margin: 0; color: var(--wrong); }}
</style>
</head>
<body>
<form method="post" action="login">
<h1>{title}</h1>
{problem}<label>{user_name}
<input name="username" autocomplete="username" autocapitalize="off" autofocus required></label>
<label>{password}
<input name="password" type="password" autocomplete="current-password" required></label>
<button>{sign_in}</button>
</form>
</body>
</html>
"""


def sign_in_html(accept_language: str, error: AccessError | None = None) -> str:
    """Return the page in the language that the browser asks for, with the error of the last try."""
    strings = Strings(language_of(accept_language))
    problem = ""
    if error is not None:
        words = strings("wrong_password") if isinstance(error, LoginError) else strings.error(error)
        problem = f'<p role="alert">{escape(words)}</p>\n'
    texts = {key: escape(strings(key)) for key in ("title", "user_name", "password", "sign_in")}
    return PAGE.format(
        language=strings.language, fonts=strings.font_family, problem=problem, **texts
    )
