"""The viewer's HTML: pages, frames and pictures with their cost. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from webui.errors import MixedMediaError, WebUIError
from webui.media.reader import Preview, parse_pages
from webui.protocol import MediaLimits, ModelInfo, ModelStatus, SlideLabel
from webui.ui.conversation import Conversation, Picture, Turn
from webui.ui.i18n.strings import Strings, file_size
from webui.ui.render.grounding import Grounding, find_grounding
from webui.ui.render.messages import NO_GROUNDING, error_card, pictures_html
from webui.ui.viewer.uploads import Upload

NO_LIMIT = 10**9


def hint_html(text: str) -> str:
    return f'<div class="hint">{escape(text)}</div>'


def sheet_html(
    pictures: Sequence[Picture],
    kind: str,
    strings: Strings,
    grounding: Grounding = NO_GROUNDING,
) -> str:
    """Return a grid of pages or frames; a single picture is large. `kind` is a CSS class."""
    single = " single" if len(pictures) == 1 else ""
    figures = pictures_html(pictures, strings, grounding)
    return f'<div class="sheet {kind}{single}">{figures}</div>'


def upload_html(upload: Upload, strings: Strings) -> str:
    """Return the pages or frames of a file, or why it cannot be read; "" while it is read."""
    if upload.error is not None:
        return error_card(upload.error, strings)
    if upload.preview is None:
        return ""
    html = ""
    if upload.preview.notice:
        html = f'<p class="notice">{escape(strings(upload.preview.notice))}</p>'
    return html + sheet_html(upload.pictures, upload.preview.attachment.kind, strings)


def cost_html(upload: Upload, info: ModelInfo, max_tokens: int, strings: Strings) -> str:
    """Return how many pages or frames are selected, and their tokens of `max_tokens`, with a bar.

    A selection that does not exist is an error here, beside the control where it was made.
    """
    preview = upload.preview
    if preview is None:
        return ""
    try:
        selected, tokens = preview.cost(upload.selection, info, max_tokens)
        _, full_size_tokens = preview.cost(upload.selection, info, NO_LIMIT)
    except WebUIError as error:
        return f'<div class="cost wrong" role="alert">{escape(strings.error(error))}</div>'
    words = selection_text(preview, selected, strings)
    fitted = ""
    if full_size_tokens > tokens:
        text = strings("fitted", tokens=f"{full_size_tokens:,}")
        fitted = f'<p class="notice">{escape(text)}</p>'
    share = min(tokens / max_tokens, 1) if max_tokens else 1
    figures = strings("cost_tokens", tokens=f"{tokens:,}", limit=f"{max_tokens:,}")
    return (
        f'<div class="cost"><p class="name">{escape(upload.path.name)}</p>'
        f"<p><span>{escape(words)}</span><span>{escape(figures)}</span></p>"
        f'<div class="bar"><i style="width:{share:.1%}"></i></div>{fitted}</div>'
        f"{dimming_html(upload, preview)}"
    )


def mixed_media_html(strings: Strings) -> str:
    """Return the notice that what waits cannot be sent, for pictures beside video."""
    text = escape(strings.error(MixedMediaError()))
    return f'<p class="notice wrong" role="alert">{text}</p>'


def selection_text(preview: Preview, selected: int, strings: Strings) -> str:
    if preview.attachment.kind == "document":
        key = "cost_slides" if preview.page_label is SlideLabel else "cost_pages"
        return strings(key, chosen=selected, count=preview.count)
    if preview.attachment.kind == "video":
        return strings("cost_frames", chosen=selected)
    width, height = preview.sizes[0]
    return strings("cost_image", width=width, height=height)


def dimming_html(upload: Upload, preview: Preview) -> str:
    """Return a style that dims the pages which are not selected, "" if all are.

    The sheet itself need not be sent again.
    """
    if preview.attachment.kind != "document" or not upload.selection.pages.strip():
        return ""
    pages = parse_pages(upload.selection.pages, preview.count, preview.count, upload.path.name)
    ranges = page_ranges(pages)
    selected = ", ".join(f":nth-child(n+{first}):nth-child(-n+{last})" for first, last in ranges)
    name = ",".join(f"{first}-{last}" for first, last in ranges)
    # Every tab has a viewer: the rule applies only beside the marker with the same pages.
    figures = f'.side:has(i[data-pages="{name}"]) .viewer figure'
    style = f"<style>{figures}:not({selected}) {{ opacity: .3; }}</style>"
    return f'<i hidden data-pages="{name}"></i>{style}'


def page_ranges(pages: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last page of each run of consecutive pages, which must be sorted."""
    known = set(pages)
    firsts = [page for page in pages if page - 1 not in known]
    lasts = [page for page in pages if page + 1 not in known]
    return list(zip(firsts, lasts, strict=True))


def conversation_html(conversation: Conversation, strings: Strings) -> str:
    """Return the pages and frames that were sent last, as the model saw them, "" if none were.

    What the newest answer refers to is marked.
    """
    index = conversation.last_media_turn
    if index < 0:
        return ""
    return sent_html(conversation.turns[index], strings, conversation.turns[-1].content)


def sent_html(turn: Turn, strings: Strings, answer: str = "") -> str:
    """Return the pictures sent with a turn, with marks on what `answer` refers to."""
    grounding = find_grounding(answer, turn.labels)
    sheet = sheet_html(turn.pictures, "document sent-last", strings, grounding)
    return f'<p class="name">{escape(strings("in_conversation"))}</p>{sheet}'


def about_html(status: ModelStatus, limits: MediaLimits, strings: Strings, *, files: bool) -> str:
    """Return what the model is and what it takes; `files` False leaves the limits of files out."""
    info = status.info
    lines = [strings("about_context", count=f"{info.context_length:,}")]
    if files:
        lines += [
            strings("about_media", count=f"{info.media_tokens:,}"),
            strings("about_pages", count=limits.max_pages),
            strings("about_frames", count=min(info.max_frames, limits.max_frames)),
            strings("about_size", size=file_size(limits.max_file_bytes)),
        ]
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    heading = f'<p class="name">{escape(strings("about_model"))}</p><h3>{escape(info.name)}</h3>'
    return f'<div class="about">{heading}<ul>{items}</ul></div>'
