"""Turns -> what the Chatbot shows. Pure, and never read back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from typing import Any

from webui.errors import WebUIError
from webui.protocol import FileLabel, FrameTime, Label, PageLabel
from webui.ui.conversation import Conversation, Picture, Turn
from webui.ui.i18n.strings import Strings
from webui.ui.render.grounding import Box, Pointed, with_links
from webui.ui.render.markdown import escape_markdown
from webui.ui.render.status_line import stats

Row = dict[str, Any]
MOST_PICTURES = 8
NOTHING = Pointed()


def conversation_rows(
    conversation: Conversation, strings: Strings, *, linked: bool = True
) -> list[Row]:
    """`linked`: a page that an answer names leads to its picture, as long as that is what was sent last."""
    rows: list[Row] = []
    last = conversation.in_sight
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
    """The question, the thought, the answer, its figures, its error. A running turn brings its texts as they are on
    the wire, so that they only grow; a finished one is made from what was written, with links to what has `labels`.
    """
    rows = [_row("user", question_html(turn, strings))]
    reasoning = escape_markdown(turn.reasoning) if reasoning is None else reasoning
    content = (
        escape_markdown(turn.content, partial(with_links, labels=labels))
        if content is None
        else content
    )
    if reasoning.strip():
        thinking = turn.phase == "thinking"
        metadata = {
            "title": thought_title(turn, strings),
            "status": "pending" if thinking else "done",
        }
        rows.append(_row("assistant", reasoning) | {"metadata": metadata})
    if content.strip():
        rows.append(_row("assistant", content))
    if turn.phase is None:
        if turn.error is None and not turn.content.strip() and turn.finish_reason != "abort":
            rows.append(
                _row("assistant", f'<div class="figures">{escape(strings("no_answer"))}</div>')
            )
        if figures := stats(turn, strings):
            rows.append(_row("assistant", f'<div class="figures">{escape(figures)}</div>'))
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
    """The person's words exactly as typed, above them what they sent along."""
    html = ""
    if turn.pictures:
        html += f'<div class="sent">{pictures_html(turn.pictures[:MOST_PICTURES], strings)}'
        more = len(turn.pictures) - MOST_PICTURES
        html += (
            f"<span>+ {escape(strings('you_sent', count=more))}</span></div>"
            if more > 0
            else "</div>"
        )
    elif turn.files:
        html += (
            '<div class="sent">'
            + "".join(f"<span>{one_line(name)}</span>" for name in turn.files)
            + "</div>"
        )
    text = turn.question.text
    return html + (f'<div class="said">{one_line(text)}</div>' if text else "")


def pictures_html(pictures: Sequence[Picture], strings: Strings, pointed: Pointed = NOTHING) -> str:
    """Figures side by side; what is pointed at is marked, unless that is every one of them."""
    marked = pointed.pages if len(pointed.pages) < len(pictures) else ()
    figures = []
    for place, picture in enumerate(pictures):
        caption = one_line(label_text(picture.label, strings))
        image = f'<img src="{picture.src}" alt="{caption}" tabindex="0" role="button">'
        if boxes := pointed.boxes.get(place):
            image = f'<div class="boxed">{image}{"".join(map(box_html, boxes))}</div>'
        mark = ' class="named"' if place in marked else ""
        figures.append(f"<figure{mark}>{image}<figcaption>{caption}</figcaption></figure>")
    return "".join(figures)


def label_text(label: Label, t: Strings) -> str:
    match label:
        case FileLabel(name):
            return name
        case PageLabel(number):
            return t("page_n", number=number)
        case FrameTime(seconds):
            return t("seconds", seconds=f"{seconds:.1f}")
    return t("slide_n", number=label.number)


def box_html(box: Box) -> str:
    edges = {
        "left": box.left,
        "top": box.top,
        "width": box.right - box.left,
        "height": box.bottom - box.top,
    }
    style = ";".join(f"{name}:{edge / 10:g}%" for name, edge in edges.items())
    return f'<i style="{style}">{f"<b>{one_line(box.label)}</b>" if box.label else ""}</i>'


def error_card(error: WebUIError, strings: Strings) -> str:
    return f'<div class="card error"><b>{escape(strings("error"))}</b><p>{one_line(strings.error(error))}</p></div>'


def one_line(text: str) -> str:
    """Escaped, and with line ends as entities: Markdown would end an HTML block at an empty line.

    To Markdown "\\r" is a line end too.
    """
    return escape(text).replace("\r\n", "\n").replace("\r", "\n").replace("\n", "&#10;")


def _row(role: str, text: str) -> Row:
    # The dict form: Gradio takes the indentation out of a plain string.
    return {"role": role, "content": {"type": "text", "text": text}}
