"""ModelMenu: the model's corner of the header: which one answers, its status, a retry.

With one model there is nothing to choose, and its name is plain text.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.blocks import Block

from webui.protocol import ModelProvider, ModelStatus
from webui.ui.header.status import status_html
from webui.ui.i18n.strings import Strings
from webui.ui.page_sessions import PageSessions


class ModelMenu:
    """Laid out where it is built. A choice holds for one page session: its messages follow it."""

    def __init__(self, model: ModelProvider, sessions: PageSessions, strings: Strings) -> None:
        self._model, self._sessions = model, sessions
        names, status = self._names, model.status()
        # The names that the user's menu lists. The list is sent again only when it changes,
        # because sending it closes an open menu.
        self.listed = gr.State(names)
        self.menu = gr.Dropdown(
            names,
            label=strings("model"),
            value=status.info.name,
            visible=len(names) > 1,
            container=False,
            filterable=False,
            min_width=0,
            scale=0,
            elem_classes="model-menu",
        )
        self._status = gr.HTML(
            status_html(status, strings, named=len(names) == 1), elem_classes="status-line"
        )
        self.retry = gr.Button(
            strings("retry"), size="sm", scale=0, min_width=0, visible=status.state == "failed"
        )

    @property
    def _names(self) -> list[str]:
        return [status.info.name for status in self._model.statuses()]

    @property
    def outputs(self) -> list[Block]:
        return [self._status, self.retry, self.menu, self.listed]

    def show(self, session: str, strings: Strings, listed: list[str]) -> list[Any]:
        """Return updates of `outputs`. `listed` are the names that the menu lists now.

        The model called auto gets its real name while it loads, and then appears in the list.
        """
        status, names = self.status_for(session), self._names
        changed: dict[str, Any] = {}
        if names != listed:
            changed = {"choices": names, "value": status.info.name, "visible": len(names) > 1}
        return [
            status_html(status, strings, named=len(names) == 1),
            gr.update(value=strings("retry"), visible=status.state == "failed"),
            gr.update(label=strings("model"), **changed),
            names,
        ]

    def status_for(self, session: str) -> ModelStatus:
        """Return the status of the model that the user has chosen, else of the first."""
        return self._model.status(self._sessions.model_name(session))

    def choose(self, session: str, model_name: str) -> None:
        """Let that model answer from now on, and load it as soon as its turn comes."""
        self._sessions.choose_model(session, model_name)
        self._model.prepare(model_name)
