"""What stands beside a conversation, as HTML: pages, frames and pictures with their cost. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from webui.errors import WebUIError
from webui.media.reader import parse_pages
from webui.protocol import MediaLimits, ModelInfo, ModelStatus
from webui.ui.conversation import Conversation, Picture, Turn
from webui.ui.i18n.strings import Strings, file_size
from webui.ui.render.grounding import Pointed, pointed_at
from webui.ui.render.messages import NOTHING, error_card, pictures_html
from webui.ui.viewer.uploads import Upload

UNBOUNDED = 10**9


def hint_html(text: str) -> str:
    return f'<div class="hint">{escape(text)}</div>'


def sheet_html(
    pictures: Sequence[Picture], kind: str, strings: Strings, pointed: Pointed = NOTHING
) -> str:
    """A grid of pages or frames; one picture stands alone and large."""
    single = " single" if len(pictures) == 1 else ""
    return f'<div class="sheet {kind}{single}">{pictures_html(pictures, strings, pointed)}</div>'


def item_html(item: Upload, strings: Strings) -> str:
    if item.error is not None:
        return error_card(item.error, strings)
    if item.preview is None:
        return ""
    notice = (
        f'<p class="notice">{escape(strings(item.preview.notice))}</p>'
        if item.preview.notice
        else ""
    )
    return notice + sheet_html(item.pictures, item.preview.attachment.kind, strings)


def cost_html(item: Upload, info: ModelInfo, room: int, strings: Strings) -> str:
    """How many pages or frames were chosen, and their tokens against what there is room for, with a bar."""
    preview = item.preview
    if preview is None:
        return ""
    try:
        chosen, tokens = preview.cost(item.selection, info, room)
        _, natural = preview.cost(item.selection, info, UNBOUNDED)
    except WebUIError as error:
        return f'<div class="cost wrong" role="alert">{escape(strings.error(error))}</div>'
    kind = preview.attachment.kind
    if kind == "document":
        words = strings("cost_pages", chosen=chosen, count=preview.count)
    elif kind == "video":
        words = strings("cost_frames", chosen=chosen)
    else:
        width, height = preview.sizes[0]
        words = strings("cost_image", width=width, height=height)
    smaller = (
        f'<p class="notice">{escape(strings("fitted", tokens=f"{natural:,}"))}</p>'
        if natural > tokens
        else ""
    )
    share = min(tokens / room, 1) if room else 1
    figures = strings("cost_tokens", tokens=f"{tokens:,}", limit=f"{room:,}")
    return (
        f'<div class="cost"><p class="name">{escape(item.path.name)}</p>'
        f"<p><span>{escape(words)}</span><span>{escape(figures)}</span></p>"
        f'<div class="bar"><i style="width:{share:.1%}"></i></div>{smaller}</div>{dimming(item)}'
    )


def dimming(item: Upload) -> str:
    """A style that dims the pages which were not chosen, so that the sheet need not be drawn anew; "" if all were."""
    preview = item.preview
    if preview is None or preview.attachment.kind != "document" or not item.selection.pages.strip():
        return ""
    stretches = stretches_of(
        parse_pages(item.selection.pages, preview.count, preview.count, item.path.name)
    )
    chosen = ", ".join(f":nth-child(n+{first}):nth-child(-n+{last})" for first, last in stretches)
    name = ",".join(f"{first}-{last}" for first, last in stretches)
    # Every tab has a viewer: the rule holds for the one that says the same pages.
    beside = f'.side:has(i[data-pages="{name}"]) .viewer figure'
    return f'<i hidden data-pages="{name}"></i><style>{beside}:not({chosen}) {{ opacity: .3; }}</style>'


def stretches_of(pages: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last of each stretch of neighbours, of pages in their order."""
    known = set(pages)
    firsts = [page for page in pages if page - 1 not in known]
    return list(zip(firsts, [page for page in pages if page + 1 not in known], strict=True))


def conversation_html(conversation: Conversation, strings: Strings) -> str:
    """The pages and frames that were sent last, as the model saw them, with what the newest answer points at.

    "" if there were none.
    """
    if conversation.in_sight < 0:
        return ""
    return sent_html(
        conversation.turns[conversation.in_sight], strings, conversation.turns[-1].content
    )


def sent_html(turn: Turn, strings: Strings, answer: str = "") -> str:
    """What was sent with that turn. What `answer` points at is marked."""
    pointed = pointed_at(answer, turn.labels)
    sheet = sheet_html(turn.pictures, "document sent-last", strings, pointed)
    return f'<p class="name">{escape(strings("in_conversation"))}</p>{sheet}'


def about_html(status: ModelStatus, limits: MediaLimits, strings: Strings, *, files: bool) -> str:
    """What the model is and what it can take, for when there is nothing else to show."""
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
