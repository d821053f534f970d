"""Which answers are being written now, and how each is stopped. Two visitors never reach each other's.

Holds live handles, so it is built once by build_ui and passed on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

from webui.protocol import Engine
from webui.ui.i18n.strings import Strings


@dataclass
class Generation:
    """One answer under way, told to `owner` in `language`, by `model`.

    `answer_now_requested`: its thought is to end now. `discarded`: it is no longer wanted, a new chat has begun.
    """

    language: str = Strings().language
    owner: str = ""
    model: str = ""
    request_id: str = field(default_factory=lambda: uuid4().hex)
    generating: bool = False
    answer_now_requested: bool = False
    stopped: bool = False
    discarded: bool = False
    work: asyncio.Future[None] | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)


class PageSessions:
    """At most one run for each visitor and tab."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._runs: dict[tuple[str, str], Generation] = {}
        self._models: dict[str, str] = {}
        self._languages: dict[str, str] = {}

    def begin(
        self, session: str, tab: str, language: str = Strings().language, owner: str = ""
    ) -> Generation | None:
        """A new run, or None while another one is going on there. Without an `owner` the session counts as one."""
        if (session, tab) in self._runs:
            return None
        return self._runs.setdefault(
            (session, tab), Generation(language, owner or session, self.model_of(session))
        )

    def choose(self, session: str, model: str) -> None:
        """The visitor wants that model from the next message on."""
        self._models[session] = model

    def model_of(self, session: str) -> str:
        """The name of the model that a visitor has chosen, "" for the first one."""
        return self._models.get(session, "")

    def set_language(self, session: str, language: str) -> None:
        """The visitor has chosen a language, perhaps in the middle of an answer."""
        self._languages[session] = language
        for (owner, _), run in self._runs.items():
            if owner == session:
                run.language = language

    def language_of(self, session: str, told: str) -> str:
        """The visitor's language. What their browser tells may be older: it was asked before our answer came."""
        return self._languages.get(session, told)

    def busy(self, session: str, tab: str) -> bool:
        return (session, tab) in self._runs

    def end(self, session: str, tab: str) -> None:
        """Forget the run, wherever it was left; the engine is told too, in case the reader went away."""
        run = self._runs.pop((session, tab), None)
        if run is not None:
            self._engine.abort(run.request_id)
            run.finished.set()

    def stop(self, session: str, tab: str) -> None:
        run = self._runs.get((session, tab))
        if run is None:
            return
        run.stopped = True
        self._engine.abort(run.request_id)
        if run.work is not None and not run.generating:
            run.work.cancel()

    def answer_now(self, session: str, tab: str) -> None:
        """End the thought of this visitor's run, and of no other's."""
        run = self._runs.get((session, tab))
        if run is not None:
            run.answer_now_requested = True
            self._engine.answer_now(run.request_id)

    async def discard(self, session: str, tab: str) -> None:
        """Stop, and wait until nothing more will be shown of it."""
        run = self._runs.get((session, tab))
        if run is not None:
            run.discarded = True
            self.stop(session, tab)
            await run.finished.wait()

    def leave(self, session: str) -> None:
        """The visitor has gone: stop everything of theirs."""
        self._models.pop(session, None)
        self._languages.pop(session, None)
        for owner, tab in list(self._runs):
            if owner == session:
                self.stop(owner, tab)
