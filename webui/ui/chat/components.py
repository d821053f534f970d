"""The components of a conversation column, laid out the same in every tab."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

import gradio as gr

from webui.ui.chat.settings_panel import ThinkingControls, thinking_controls
from webui.ui.conversation import Conversation
from webui.ui.i18n.labels import Labels
from webui.ui.i18n.strings import Strings
from webui.ui.render.markdown import LATEX_DELIMITERS
from webui.ui.tab_specs import TabSpec
from webui.ui.theme import script_tag


@dataclass(frozen=True, slots=True)
class ChatComponents:
    """`waiting` holds the paths of the files in the message box, and changes only when they do.

    `copied` holds, as JSON, the answer that the browser copies and the texts for the button.
    """

    chatbot: gr.Chatbot
    actions: gr.Row
    copy: gr.Button
    retry: gr.Button
    new_chat: gr.Button
    cards: gr.Row
    examples: tuple[gr.Button, ...]
    phase: gr.HTML
    composer: gr.MultimodalTextbox
    thinking: ThinkingControls
    waiting: gr.Textbox
    copied: gr.Textbox
    conversation: gr.State

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """The components that an answer changes."""
        return [
            self.chatbot,
            self.actions,
            self.copy,
            self.retry,
            self.cards,
            self.phase,
            self.composer,
            self.thinking.answer_now,
            self.conversation,
        ]


def chat_components(spec: TabSpec, labels: Labels, examples: Path) -> ChatComponents:
    """Lay the column out. `examples` is the folder of the example files."""
    chatbot = gr.Chatbot(
        [],
        show_label=False,
        elem_classes="chat",
        height=None,
        buttons=[],
        layout="bubble",
        latex_delimiters=LATEX_DELIMITERS,
        # Gradio 6.31 goes to the end 300 ms after an update, wherever its reader is by then; the
        # page's script follows instead.
        autoscroll=False,
        allow_file_downloads=False,
        feedback_options=None,
    )
    labels.add(chatbot, label="conversation", placeholder=f"empty_{spec.name}")
    end_link(labels)
    with gr.Row(visible=False, elem_classes="actions") as actions:
        copy, retry, new_chat = (gr.Button(size="sm", min_width=0, scale=0) for _ in range(3))
    labels.add(copy, value="copy")
    labels.add(retry, value="retry")
    labels.add(new_chat, value="new_chat")
    with gr.Row(elem_classes="cards") as cards:
        example_cards = tuple(
            example_card(spec, index, labels, examples) for index in range(len(spec.examples))
        )
    phase = gr.HTML(
        "",
        elem_classes="phase-line",
        head=script_tag(),
        js_on_load="chatPage.announcePhase(element, watch)",
    )
    return ChatComponents(
        chatbot,
        actions,
        copy,
        retry,
        new_chat,
        cards,
        example_cards,
        phase,
        message_box(spec, labels),
        thinking_controls(labels),
        waiting=gr.Textbox("[]", visible="hidden"),
        copied=gr.Textbox(visible="hidden"),
        conversation=gr.State(Conversation()),
    )


def end_link(labels: Labels) -> None:
    """A button that leads to the end of the conversation; the page's script shows and counts."""
    link = gr.HTML(
        elem_classes="end-link",
        head=script_tag(),
        js_on_load="chatPage.followConversation(element, watch)",
    )
    labels.add_value(link, end_link_html)


def end_link_html(strings: Strings) -> str:
    """Return the hidden button, with its words for one new line and for many."""
    one = escape(strings("new_line"))
    # The script replaces the name with the number.
    many = escape(strings("new_lines", count="{count}"))
    return (
        f'<button type="button" data-one="{one}" data-many="{many}" hidden>'
        '<i aria-hidden="true"></i><span></span></button>'
    )


def message_box(spec: TabSpec, labels: Labels) -> gr.MultimodalTextbox:
    composer = gr.MultimodalTextbox(
        show_label=False,
        elem_classes="composer",
        file_count="multiple",
        sources=["upload"] if spec.files else [],
        max_plain_text_length=1_000_000,
        max_lines=8,
    )
    labels.add(composer, label="composer", placeholder=f"ask_{spec.name}")
    return composer


def example_card(spec: TabSpec, index: int, labels: Labels, examples: Path) -> gr.Button:
    """A button with an example question, above it a small picture of its file."""
    example = spec.examples[index]
    icon = examples / f"{Path(example.file).stem}.card.png" if example.file else None
    card = gr.Button(icon=icon, elem_classes="example", min_width=0)
    labels.add(card, value=example.key)
    return card
