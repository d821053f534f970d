"""Turns as the rows that the Chatbot shows. Pure; the rows are never read back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from typing import Any

from webui.errors import WebUIError
from webui.protocol import FileLabel, FrameTime, Label, PageLabel
from webui.ui.conversation import Conversation, Picture, Turn
from webui.ui.i18n.strings import Strings
from webui.ui.render.escaping import escape_to_one_line
from webui.ui.render.grounding import Box, Grounding, link_mentions
from webui.ui.render.markdown import escape_markdown
from webui.ui.render.status_line import turn_stats

Row = dict[str, Any]
# The pictures shown above a question; of more, their number.
MAX_PICTURES = 8
NO_GROUNDING = Grounding()


def conversation_rows(
    conversation: Conversation, strings: Strings, *, linked: bool = True
) -> list[Row]:
    """Return the rows of all turns.

    If `linked`, a page that an answer mentions is a link to its picture, as long as no other pages
    were sent after it.
    """
    rows: list[Row] = []
    last = conversation.last_media_turn
    for index, turn in enumerate(conversation.turns):
        labels = conversation.turns[last].labels if linked and 0 <= last <= index else ()
        rows += turn_rows(turn, strings, labels=labels)
    return rows


def turn_rows(
    turn: Turn,
    strings: Strings,
    reasoning: str | None = None,
    content: str | None = None,
    labels: Sequence[Label] = (),
) -> list[Row]:
    """Return the question, the thought, the answer, its statistics and its error.

    `reasoning` and `content` are the escaped texts of a turn in progress, which only grow; those of
    a finished turn are made here, with links to the pictures that `labels` name.
    """
    if reasoning is None:
        reasoning = escape_markdown(turn.reasoning)
    if content is None:
        content = escape_markdown(turn.content, partial(link_mentions, labels=labels))
    rows = [_row("user", question_html(turn, strings))]
    if reasoning.strip():
        status = "pending" if turn.phase == "thinking" else "done"
        metadata = {"title": thought_title(turn, strings), "status": status}
        rows.append(_row("assistant", reasoning) | {"metadata": metadata})
    if content.strip():
        rows.append(_row("assistant", content))
    if turn.phase is None:
        rows += [_row("assistant", _figures(text)) for text in _closing_texts(turn, strings)]
    if turn.error is not None:
        rows.append(_row("assistant", error_card(turn.error, strings)))
    return rows


def thought_title(turn: Turn, strings: Strings) -> str:
    seconds = strings.seconds(turn.thinking_s)
    tokens = strings.tokens(turn.reasoning_tokens)
    if turn.phase == "thinking":
        return f"{strings('thinking')} · {seconds} · {tokens}"
    return f"{strings('thought', seconds=seconds)} · {tokens}"


def question_html(turn: Turn, strings: Strings) -> str:
    """Return the question exactly as typed, with its pictures or file names above it."""
    html = ""
    if turn.pictures:
        html += f'<div class="sent">{pictures_html(turn.pictures[:MAX_PICTURES], strings)}'
        if len(turn.pictures) > MAX_PICTURES:
            count = len(turn.pictures) - MAX_PICTURES
            html += f"<span>+ {escape(strings('you_sent', count=count))}</span>"
        html += "</div>"
    elif turn.files:
        names = "".join(f"<span>{escape_to_one_line(name)}</span>" for name in turn.files)
        html += f'<div class="sent">{names}</div>'
    if turn.question.text:
        html += f'<div class="said">{escape_to_one_line(turn.question.text)}</div>'
    return html


def pictures_html(
    pictures: Sequence[Picture], strings: Strings, grounding: Grounding = NO_GROUNDING
) -> str:
    """Return the pictures side by side, with boxes, and with marks on those that are mentioned.

    An answer that mentions all of them marks none.
    """
    marked = grounding.pages if len(grounding.pages) < len(pictures) else ()
    figures = []
    for index, picture in enumerate(pictures):
        caption = escape_to_one_line(label_text(picture.label, strings))
        image = f'<img src="{picture.src}" alt="{caption}" tabindex="0" role="button">'
        if boxes := grounding.boxes.get(index):
            image = f'<div class="boxed">{image}{"".join(map(box_html, boxes))}</div>'
        mark = ' class="named"' if index in marked else ""
        figures.append(f"<figure{mark}>{image}<figcaption>{caption}</figcaption></figure>")
    return "".join(figures)


def label_text(label: Label, strings: Strings) -> str:
    """Return where in its file a picture comes from, in the user's language."""
    match label:
        case FileLabel(name):
            return name
        case PageLabel(number):
            return strings("page_n", number=number)
        case FrameTime(seconds):
            return strings("seconds", seconds=f"{seconds:.1f}")
    return strings("slide_n", number=label.number)


def box_html(box: Box) -> str:
    edges = {
        "left": box.left,
        "top": box.top,
        "width": box.right - box.left,
        "height": box.bottom - box.top,
    }
    style = ";".join(f"{name}:{edge / 10:g}%" for name, edge in edges.items())
    label = f"<b>{escape_to_one_line(box.label)}</b>" if box.label else ""
    return f'<i style="{style}">{label}</i>'


def error_card(error: WebUIError, strings: Strings) -> str:
    title, text = escape(strings("error")), escape_to_one_line(strings.error(error))
    return f'<div class="card error"><b>{title}</b><p>{text}</p></div>'


def _closing_texts(turn: Turn, strings: Strings) -> list[str]:
    """Return what stands below a finished answer."""
    texts = []
    if turn.error is None and not turn.content.strip() and turn.finish_reason != "abort":
        texts.append(strings("no_answer"))
    if stats := turn_stats(turn, strings):
        texts.append(stats)
    return texts


def _figures(text: str) -> str:
    return f'<div class="figures">{escape(text)}</div>'


def _row(role: str, text: str) -> Row:
    # The content as a dict: Gradio strips the indentation of a plain string.
    return {"role": role, "content": {"type": "text", "text": text}}
