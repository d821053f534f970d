"""Page: header, banner and six tabs, put together. Binds the events that concern the whole page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from webui.media.reader import MediaReader
from webui.protocol import ModelProvider, SamplingParams
from webui.ui.chat.generate import AnswerGenerator
from webui.ui.chat.settings_panel import RECOMMENDED, remembered_budgets, within_limits
from webui.ui.conversation import Conversation
from webui.ui.header.keys import keys_html
from webui.ui.header.model_menu import ModelMenu
from webui.ui.header.status import banner_html, title_html
from webui.ui.header.theme_menu import theme_menu_html
from webui.ui.i18n.labels import Labels
from webui.ui.i18n.strings import LANGUAGES, Strings, language_of
from webui.ui.page_sessions import PageSessions, owner_of, session_of
from webui.ui.tab import DIRECT, Tab, TabServices
from webui.ui.tab_specs import TABS, TabSpec
from webui.ui.theme import script_tag

# How often the page asks for the model's status: while it loads, and otherwise.
LOADING_INTERVAL_S = 1.0
IDLE_INTERVAL_S = 10.0
# Every hour, Gradio deletes uploads that are older than four.
DELETE_CACHE_S = (3600, 4 * 3600)
# Runs in the browser, which alone knows the language that its user chose before.
WITH_LANGUAGE = (
    f"(...inputs) => chatPreferences.withLanguage({json.dumps(list(LANGUAGES))}, inputs)"
)


def build_ui(model: ModelProvider, reader: MediaReader, *, examples: Path) -> gr.Blocks:
    """Return the whole page over one model and one reader. Building it starts nothing."""
    return Page(model, reader, examples).demo


class Page:
    def __init__(self, model: ModelProvider, reader: MediaReader, examples: Path) -> None:
        strings = Strings()
        self._model, self._reader, self._labels = model, reader, Labels(strings)
        self._sessions = PageSessions(model)
        with gr.Blocks(
            title=strings("title"),
            fill_width=True,
            delete_cache=DELETE_CACHE_S,
            analytics_enabled=False,
        ) as self.demo:
            self._build_header(strings)
            services = TabServices(
                model,
                reader,
                AnswerGenerator(model, reader),
                self._sessions,
                self._labels,
                self._language,
                examples,
            )
            with gr.Tabs(elem_classes="tabs"):
                self._tabs = [self._build_tab(spec, services) for spec in TABS]
            self._bind_events()

    def _build_header(self, strings: Strings) -> None:
        with gr.Row(elem_classes="header"):
            title = gr.HTML(head=script_tag(), js_on_load="chatPage.followLanguage(element, watch)")
            self._labels.add_value(title, title_html)
            self._menu = ModelMenu(self._model, self._sessions, strings)
            self._language = gr.Radio(
                [(language.name, language.code) for language in LANGUAGES.values()],
                value=strings.language,
                show_label=False,
                container=False,
                elem_classes="language",
                min_width=0,
                scale=0,
            )
            self._labels.add(self._language, label="language")
            theme_menu = gr.HTML(
                head=script_tag(),
                js_on_load="chatPage.followTheme(element, watch)",
                elem_classes="theme-menu",
            )
            self._labels.add_value(theme_menu, theme_menu_html)
            self._labels.add_value(gr.HTML(elem_classes="keys-menu"), keys_html)
        with gr.Row(elem_classes="banner"):
            self._banner_text = gr.HTML(banner_html(self._model.status(), strings))
            self._dismiss = gr.Button(size="sm", scale=0, min_width=0)
            self._labels.add(self._dismiss, value="dismiss")

    def _build_tab(self, spec: TabSpec, services: TabServices) -> Tab:
        with gr.Tab(id=spec.name) as container:
            tab = Tab(spec, services)
        self._labels.add(container, label=f"tab_{spec.name}")
        return tab

    def _bind_events(self) -> None:
        self._bind_status_events()
        self._bind_language_events()
        menu = self._menu.menu
        shown = gr.State(self._model.status().info.sampling)
        controls = [control for tab in self._tabs for control in tab.settings.recommended]
        gr.on(
            [self.demo.load, menu.input],
            self._recommend_sampling,
            [menu, shown],
            [shown, *controls],
            **DIRECT,
        )
        self._dismiss.click(None, js="chatPreferences.dismissBanner", **DIRECT)
        budgets = [
            control
            for tab in self._tabs
            for control in (tab.chat_components.thinking.levels, tab.settings.thinking_budget)
        ]
        self.demo.load(None, None, budgets, js=remembered_budgets(len(budgets)), **DIRECT)
        self.demo.unload(self._end_session)

    def _bind_status_events(self) -> None:
        menu, timer = self._menu, gr.Timer(LOADING_INTERVAL_S)
        invitations = [tab.viewer_components.about for tab in self._tabs]
        inputs = [self._language, menu.listed]
        outputs = [*menu.outputs, self._banner_text, timer, *invitations]
        timer.tick(self._refresh_status, inputs, outputs, **DIRECT)
        # A refresh that began in the former language must not be the last to arrive.
        self._language.change(self._refresh_status, inputs, outputs, **DIRECT)
        gr.on(
            [menu.menu.input, menu.retry.click],
            self._choose_model,
            [*inputs, menu.menu],
            outputs,
            **DIRECT,
        )

    def _bind_language_events(self) -> None:
        conversations = [tab.chat_components.conversation for tab in self._tabs]
        chatbots = [tab.chat_components.chatbot for tab in self._tabs]
        texts = [
            *self._menu.outputs,
            self._banner_text,
            *self._labels.components,
            *chatbots,
        ]
        remember = "chatPreferences.rememberLanguage"
        self._language.input(None, self._language, None, js=remember, **DIRECT)
        self._language.input(
            self._set_language,
            [self._language, self._menu.listed, *conversations],
            [self._language, *texts],
            **DIRECT,
        )
        self.demo.load(
            self._on_load,
            [self._language, self._menu.listed, *conversations],
            [self._language, *texts],
            js=WITH_LANGUAGE,
            **DIRECT,
        )

    def _refresh_status(self, request: gr.Request, language: str, listed: list[str]) -> list[Any]:
        status = self._menu.status_for(session_of(request))
        interval_s = LOADING_INTERVAL_S if status.state == "loading" else IDLE_INTERVAL_S
        return self._status_updates(request, language, listed, status.info.name, interval_s)

    def _choose_model(
        self, request: gr.Request, language: str, listed: list[str], model_name: str
    ) -> list[Any]:
        """Let another model answer this user; it begins to load, so refresh often from now on."""
        self._menu.choose(session_of(request), model_name)
        return self._status_updates(request, language, listed, model_name, LOADING_INTERVAL_S)

    def _status_updates(
        self,
        request: gr.Request,
        language: str,
        listed: list[str],
        model_name: str,
        interval_s: float,
    ) -> list[Any]:
        # The event may have been dispatched before the page learned of the chosen language.
        strings = Strings(self._sessions.language(session_of(request), language))
        invitations = [tab.viewer.invitation(strings, model_name) for tab in self._tabs]
        return [
            *self._header_updates(request, strings, listed),
            gr.Timer(interval_s),
            *invitations,
        ]

    def _recommend_sampling(self, model_name: str, shown: SamplingParams) -> list[Any]:
        """Set the controls of every tab to the sampling that the chosen model recommends.

        A control stays as the user left it where the model recommends the same value as the one
        before, which `shown` has.
        """
        sampling = self._model.status(model_name).info.sampling
        updates: list[Any] = []
        for tab in self._tabs:
            for field, control in zip(RECOMMENDED, tab.settings.recommended, strict=True):
                value = getattr(sampling, field)
                is_same = value == getattr(shown, field)
                updates.append(gr.skip() if is_same else within_limits(control, value))
        return [sampling, *updates]

    def _header_updates(
        self, request: gr.Request, strings: Strings, listed: list[str]
    ) -> list[Any]:
        session = session_of(request)
        return [
            *self._menu.show(session, strings, listed),
            banner_html(self._menu.status_for(session), strings),
        ]

    def _set_language(
        self,
        request: gr.Request,
        language: str,
        listed: list[str],
        *conversations: Conversation,
    ) -> list[Any]:
        strings, session = Strings(language), session_of(request)
        self._sessions.set_language(session, language)
        rows = [
            tab.chat.translated_rows(conversation, strings, session)
            for tab, conversation in zip(self._tabs, conversations, strict=True)
        ]
        header = self._header_updates(request, strings, listed)
        # The menu too: a choice made while the page loads is overwritten by `_on_load`.
        return [language, *header, *self._labels.updates(strings), *rows]

    def _on_load(
        self,
        request: gr.Request,
        remembered: str | None,
        listed: list[str],
        *conversations: Conversation,
    ) -> list[Any]:
        """Begin in the language that the user chose before, else in that of the browser."""
        language = remembered or language_of(request.headers.get("accept-language", ""))
        return self._set_language(request, language, listed, *conversations)

    def _end_session(self, request: gr.Request) -> None:
        self._sessions.end_session(session_of(request))
        self._reader.forget(owner_of(request))
