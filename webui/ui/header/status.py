"""The top of the page: what this is, who answers and how it is doing, the language; the banner below it."""

from __future__ import annotations

from html import escape

from webui.errors import ModelLoadError
from webui.protocol import ModelStatus, Notice
from webui.ui.i18n.strings import Strings, file_size

RUN_FLAGSHIP = "python launch.py --model zai-org/GLM-4.1V-9B-Thinking"


def title_html(strings: Strings) -> str:
    return f'<h1 class="title">{escape(strings("title"))}</h1>'


def status_html(status: ModelStatus, strings: Strings, *, named: bool = True) -> str:
    """ "glm4v-nano   ready · CPU · 0.1 GB", or how far loading is, or why it failed; the name may stand beside it."""
    words = [strings(f"state_{status.state}")]
    if status.state == "loading" and status.progress and status.progress.total:
        done, total = status.progress.done, status.progress.total
        words.append(
            f"{min(done / total, 1):.0%} · {strings('of', done=file_size(done), total=file_size(total))}"
        )
        words += [strings("left", time=strings.duration(status.left_s))] if status.left_s else []
    if status.state == "ready":
        words += [word for word in (status.device, status.precision) if word]
        # How many people it answers at once: of interest where memory is short.
        words += [f"{status.slots} × {status.info.context_length:,}"] if status.precision else []
        words += (
            [strings("memory", size=file_size(status.memory_bytes))] if status.memory_bytes else []
        )
    if status.failure is not None:
        words.append(strings.error(status.failure))
    name = f"<b>{escape(status.info.name)}</b>" if named else ""
    said = escape(" · ".join(words))
    return (
        f'<div class="status {status.state}" role="status">{name}<i></i><span>{said}</span></div>'
    )


def notice_text(notice: Notice, strings: Strings) -> str:
    """Return why another model answers than the requested one, as a sentence."""
    if isinstance(notice, ModelLoadError):
        return strings.error(notice)
    text = strings.reason(notice)
    return text[:1].upper() + text[1:]


def banner_html(status: ModelStatus, strings: Strings) -> str:
    """Who answers instead of the wanted model, and how to run the 9B; "" if there is nothing to tell."""
    if not (status.info.bundled or status.notice):
        return ""
    title = strings("bundled_title") if status.info.bundled else strings("notice_title")
    how = ""
    if status.info.bundled:
        command = f"<code>{escape(RUN_FLAGSHIP)}</code>"
        how = f'<span class="how">{strings("bundled_text", command=command)}</span>'
    notice = f" {escape(notice_text(status.notice, strings))}" if status.notice else ""
    return f"<p><b>{escape(title)}</b>{notice} {how}</p>"
