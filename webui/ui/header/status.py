"""The header as HTML: the title, the status of the model that answers, the banner below."""

from __future__ import annotations

from html import escape

from webui.errors import ModelLoadError
from webui.protocol import ModelStatus, Notice
from webui.ui.i18n.strings import Strings, file_size

RUN_FLAGSHIP = "python launch.py --model zai-org/GLM-4.1V-9B-Thinking"


def title_html(strings: Strings) -> str:
    """Return the title. assets/app.js gives its language and fonts to the whole document."""
    fonts = "" if strings.fonts == Strings().fonts else strings.font_family
    attributes = f'lang="{strings.language}" data-fonts="{escape(fonts)}"'
    return f'<h1 class="title" {attributes}>{escape(strings("title"))}</h1>'


def status_html(status: ModelStatus, strings: Strings, *, named: bool = True) -> str:
    """Return for example "glm4v-nano   ready · CPU · 0.1 GB memory".

    While the model loads, its progress stands there; if loading failed, the reason. `named` leaves
    the name out where a menu shows it already.
    """
    words = [strings(f"state_{status.state}")]
    if status.state == "loading":
        words += loading_words(status, strings)
    if status.state == "ready":
        words += [word for word in (status.device, status.precision) if word]
        # How many conversations fit at once: of interest where memory is short.
        words += [f"{status.slots} × {status.info.context_length:,}"] if status.precision else []
        if status.memory_bytes:
            words.append(strings("memory", size=file_size(status.memory_bytes)))
    if status.failure is not None:
        words.append(strings.error(status.failure))
    name = f"<b>{escape(status.info.name)}</b>" if named else ""
    text = escape(" · ".join(words))
    return (
        f'<div class="status {status.state}" role="status">{name}<i></i><span>{text}</span></div>'
    )


def loading_words(status: ModelStatus, strings: Strings) -> list[str]:
    """Return the share and the bytes that are loaded, and the time left; [] while unknown."""
    if not status.progress or not status.progress.total:
        return []
    done, total = status.progress.done, status.progress.total
    words = [
        f"{min(done / total, 1):.0%}",
        strings("of", done=file_size(done), total=file_size(total)),
    ]
    if status.left_s:
        words.append(strings("left", time=strings.duration(status.left_s)))
    return words


def notice_text(notice: Notice, strings: Strings) -> str:
    """Return why another model answers than the requested one, as a sentence."""
    if isinstance(notice, ModelLoadError):
        return strings.error(notice)
    text = strings.reason(notice)
    return text[:1].upper() + text[1:]


def banner_html(status: ModelStatus, strings: Strings) -> str:
    """Return which model answers instead of the requested one, and how to run the 9B.

    "" if the requested one answers. The browser remembers a dismissed banner by its `data-notice`.
    """
    if not (status.info.bundled or status.notice):
        return ""
    title = strings("bundled_title") if status.info.bundled else strings("notice_title")
    notice = f" {escape(notice_text(status.notice, strings))}" if status.notice else ""
    command = f"<code>{escape(RUN_FLAGSHIP)}</code>"
    instructions = f'<span class="how">{strings("bundled_text", command=command)}</span>'
    name = type(status.notice).__name__ if status.notice else "Bundled"
    return (
        f'<p data-notice="{name}"><b>{escape(title)}</b>{notice} '
        f"{instructions if status.info.bundled else ''}</p>"
    )
