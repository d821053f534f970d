"""The page: header, banner and six tabs, put together. Listens only to what concerns the whole page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from webui.media.reader import MediaReader
from webui.protocol import ModelProvider, SamplingParams
from webui.ui.chat.generate import AnswerGenerator
from webui.ui.chat.settings_panel import RECOMMENDED, within_limits
from webui.ui.conversation import Conversation
from webui.ui.header.model_menu import ModelMenu
from webui.ui.header.status import banner_html, title_html
from webui.ui.i18n.labels import Labels
from webui.ui.i18n.strings import LANGUAGES, Strings, language_of
from webui.ui.page_sessions import PageSessions
from webui.ui.tab import DIRECT, Tab, TabServices
from webui.ui.tab_handlers import session_of
from webui.ui.tab_specs import TABS, TabSpec

LOADING_TICK_S = 1.0
STEADY_TICK_S = 10.0
CACHE_S = (3600, 4 * 3600)  # every hour, uploads older than four


def build_ui(model: ModelProvider, reader: MediaReader, *, examples: Path) -> gr.Blocks:
    """The whole page over one model and one reader. Building it starts nothing."""
    return Page(model, reader, examples).demo


class Page:
    def __init__(self, model: ModelProvider, reader: MediaReader, examples: Path) -> None:
        first = Strings()
        self._model, self._labels, self._running = model, Labels(first), PageSessions(model)
        with gr.Blocks(
            title=first("title"), fill_width=True, delete_cache=CACHE_S, analytics_enabled=False
        ) as self.demo:
            self._build_header()
            shared = TabServices(
                model,
                reader,
                AnswerGenerator(model, reader),
                self._running,
                self._labels,
                self._language,
                examples,
            )
            with gr.Tabs(elem_classes="tabs"):
                self._rooms = [self._build_tab(spec, shared) for spec in TABS]
            self._listen()

    def _build_header(self) -> None:
        first = self._labels.first
        with gr.Row(elem_classes="header"):
            self._labels.add_made(gr.HTML(), title_html)
            self._menu = ModelMenu(self._model, self._running, first)
            self._language = gr.Radio(
                [(language.name, language.code) for language in LANGUAGES.values()],
                value=first.language,
                show_label=False,
                container=False,
                elem_classes="language",
                min_width=0,
                scale=0,
            )
            self._labels.add(self._language, label="language")
        with gr.Row(elem_classes="banner") as self._banner:
            self._banner_text = gr.HTML(banner_html(self._model.status(), first))
            self._dismiss = gr.Button(size="sm", scale=0, min_width=0)
            self._labels.add(self._dismiss, value="dismiss")

    def _build_tab(self, spec: TabSpec, shared: TabServices) -> Tab:
        with gr.Tab(id=spec.name) as tab:
            room = Tab(spec, shared)
        self._labels.add(tab, label=f"tab_{spec.name}")
        return room

    def _listen(self) -> None:
        self._timer, menu = gr.Timer(LOADING_TICK_S), self._menu
        abouts = [room.view.about for room in self._rooms]
        changing = [*menu.outputs, self._banner_text, self._timer, *abouts]
        ticked = [self._language, menu.listed]
        self._timer.tick(self._tick, ticked, changing, **DIRECT)
        # A tick that began in the other language must not come last.
        self._language.change(self._tick, ticked, changing, **DIRECT)
        gr.on(
            [menu.menu.input, menu.retry.click],
            self._choose,
            [self._language, menu.listed, menu.menu],
            changing,
            **DIRECT,
        )
        shown = gr.State(self._model.status().info.sampling)
        controls = [control for room in self._rooms for control in room.settings.recommended]
        gr.on(
            [self.demo.load, menu.menu.input],
            self._recommend_sampling,
            [menu.menu, shown],
            [shown, *controls],
            **DIRECT,
        )
        self._dismiss.click(lambda: gr.update(visible=False), None, self._banner, **DIRECT)
        chatbots = [room.parts.chatbot for room in self._rooms]
        conversations = [room.parts.conversation for room in self._rooms]
        said = [*menu.outputs, self._banner_text, *self._labels.components, *chatbots]
        self._language.input(
            self._speak, [self._language, menu.listed, *conversations], said, **DIRECT
        )
        self.demo.load(
            self._greet, [menu.listed, *conversations], [self._language, *said], **DIRECT
        )
        self.demo.unload(self._leave)

    def _tick(self, request: gr.Request, language: str, listed: list[str]) -> list[Any]:
        status, strings = self._menu.status_for(session_of(request)), Strings(language)
        every = LOADING_TICK_S if status.state == "loading" else STEADY_TICK_S
        abouts = [room.viewer.invitation(strings, status.info.name) for room in self._rooms]
        return [*self._header(request, strings, listed), gr.Timer(every), *abouts]

    def _choose(
        self, request: gr.Request, language: str, listed: list[str], name: str
    ) -> list[Any]:
        """Looks often from now on, for the model begins to load."""
        self._menu.choose(session_of(request), name)
        abouts = [room.viewer.invitation(Strings(language), name) for room in self._rooms]
        return [
            *self._header(request, Strings(language), listed),
            gr.Timer(LOADING_TICK_S),
            *abouts,
        ]

    def _recommend_sampling(self, name: str, shown: SamplingParams) -> list[Any]:
        """Set the controls of every tab to the sampling that the chosen model recommends.

        A control stays as the user left it where the model recommends the same value as the one
        before, which `shown` has.
        """
        sampling = self._model.status(name).info.sampling
        updates: list[Any] = []
        for room in self._rooms:
            for field, control in zip(RECOMMENDED, room.settings.recommended, strict=True):
                value = getattr(sampling, field)
                is_same = value == getattr(shown, field)
                updates.append(gr.skip() if is_same else within_limits(control, value))
        return [sampling, *updates]

    def _header(self, request: gr.Request, strings: Strings, listed: list[str]) -> list[Any]:
        session = session_of(request)
        return [
            *self._menu.show(session, strings, listed),
            banner_html(self._menu.status_for(session), strings),
        ]

    def _speak(
        self,
        request: gr.Request,
        language: str,
        listed: list[str],
        *conversations: Conversation,
    ) -> list[Any]:
        strings, session = Strings(language), session_of(request)
        self._running.set_language(session, language)
        rows = [
            room.chat.relabelled(talk, strings, session)
            for room, talk in zip(self._rooms, conversations, strict=True)
        ]
        return [*self._header(request, strings, listed), *self._labels.updates(strings), *rows]

    def _greet(
        self, request: gr.Request, listed: list[str], *conversations: Conversation
    ) -> list[Any]:
        """A new visitor is spoken to in the language of their browser."""
        language = language_of(request.headers.get("accept-language", ""))
        return [language, *self._speak(request, language, listed, *conversations)]

    def _leave(self, request: gr.Request) -> None:
        self._running.leave(session_of(request))
