"""PageSessions: the answers in progress, the language and the model of each open page.

It holds live handles, so it is built once by build_ui and passed on. No session can reach the
answers of another.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

import gradio as gr

from webui.access.visitors import visitor_of
from webui.protocol import Engine
from webui.ui.i18n.strings import Strings


@dataclass
class Generation:
    """One answer in progress, shown in `language` and written by `model`.

    `owner` is the user that the request counts against while others wait. `answer_now_requested`:
    the thought is to end now. `discarded`: a new chat has begun, and nothing more is shown.
    """

    language: str = Strings().language
    owner: str = ""
    model: str = ""
    request_id: str = field(default_factory=lambda: uuid4().hex)
    sent_to_engine: bool = False
    answer_now_requested: bool = False
    stopped: bool = False
    discarded: bool = False
    work: asyncio.Future[None] | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)


class PageSessions:
    """Keeps at most one generation for each page session and tab."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._generations: dict[tuple[str, str], Generation] = {}
        self._models: dict[str, str] = {}
        self._languages: dict[str, str] = {}

    def begin_generation(
        self, session: str, tab: str, language: str = Strings().language, owner: str = ""
    ) -> Generation | None:
        """Return a new generation, or None while another one runs in that tab.

        Without an `owner` the session counts as one.
        """
        if (session, tab) in self._generations:
            return None
        generation = Generation(language, owner or session, self.model_name(session))
        self._generations[session, tab] = generation
        return generation

    def end_generation(self, session: str, tab: str) -> None:
        """Forget the generation, and abort its request in case the page was closed."""
        generation = self._generations.pop((session, tab), None)
        if generation is not None:
            self._engine.abort(generation.request_id)
            generation.finished.set()

    def is_generating(self, session: str, tab: str) -> bool:
        return (session, tab) in self._generations

    def stop_generation(self, session: str, tab: str) -> None:
        generation = self._generations.get((session, tab))
        if generation is None:
            return
        generation.stopped = True
        self._engine.abort(generation.request_id)
        # Before the engine has the request, the work is a conversion of files.
        if generation.work is not None and not generation.sent_to_engine:
            generation.work.cancel()

    def request_answer_now(self, session: str, tab: str) -> None:
        """End the thought of the generation in that tab."""
        generation = self._generations.get((session, tab))
        if generation is not None:
            generation.answer_now_requested = True
            self._engine.answer_now(generation.request_id)

    async def discard_generation(self, session: str, tab: str) -> None:
        """Stop the generation, and wait until nothing more of it can be shown."""
        generation = self._generations.get((session, tab))
        if generation is not None:
            generation.discarded = True
            self.stop_generation(session, tab)
            await generation.finished.wait()

    def choose_model(self, session: str, model_name: str) -> None:
        """Let that model answer from the next message on."""
        self._models[session] = model_name

    def model_name(self, session: str) -> str:
        """Return the name of the model that the user has chosen, "" for the first one."""
        return self._models.get(session, "")

    def set_language(self, session: str, language: str) -> None:
        """Remember the language, and use it for the answers in progress too."""
        self._languages[session] = language
        for (owner, _), generation in self._generations.items():
            if owner == session:
                generation.language = language

    def language(self, session: str, sent: str) -> str:
        """Return the chosen language, or `sent` if none was chosen.

        The language that a browser sends along may be older than the choice: the event was
        dispatched before the page learned of it.
        """
        return self._languages.get(session, sent)

    def end_session(self, session: str) -> None:
        """Stop all answers of a page that was closed, and forget its choices."""
        self._models.pop(session, None)
        self._languages.pop(session, None)
        for owner, tab in list(self._generations):
            if owner == session:
                self.stop_generation(session, tab)


def session_of(request: gr.Request) -> str:
    return str(request.session_hash)


def owner_of(request: gr.Request) -> str:
    """Return the name that the user's requests count against while others wait."""
    return visitor_of(request.request.scope).owner if request.request else ""
