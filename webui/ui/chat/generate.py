"""One question from its files to the last token. Knows the Protocols of engine and reader, and no component."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from webui.errors import UnsupportedTypeError, WebUIError
from webui.media.reader import Selection
from webui.protocol import (
    GenerationRequest,
    ImagePart,
    Message,
    ModelInfo,
    ModelProvider,
    Part,
    Progress,
    SamplingParams,
    VideoPart,
)
from webui.ui.chat.streaming_turn import Converting, Event, Loaded, StreamingTurn
from webui.ui.conversation import Conversation, Picture, Turn
from webui.ui.page_sessions import Generation
from webui.ui.render.thumbnails import pictures_of
from webui.ui.throttle import throttled


class Loader(Protocol):
    """The part of MediaReader that an answer needs."""

    async def load(
        self,
        path: Path,
        info: ModelInfo,
        selection: Selection,
        max_tokens: int,
        *,
        owner: str,
        on_progress: Callable[[Progress], None],
    ) -> tuple[ImagePart | VideoPart, ...]: ...


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody sent: the words, the files with what was chosen of each, and the settings.

    A `typed` message goes back into its box when it fails; an example or a retry does not.
    `parts`, and `pictures` of them, are those that an earlier try has already loaded. `suffixes` are the file names
    this place takes, () for any; `accepted` says so in words.
    """

    text: str
    typed: bool = False
    parts: tuple[Part, ...] = ()
    pictures: tuple[Picture, ...] = ()
    files: tuple[tuple[Path, Selection], ...] = ()
    system_prompt: str = ""
    sampling: SamplingParams = field(default_factory=SamplingParams)
    suffixes: tuple[str, ...] = ()
    accepted: str = ""

    @property
    def words(self) -> Message:
        return Message("user", (*self.parts, self.text) if self.text else self.parts)


class AnswerGenerator:
    """Answers questions with one model and one loader; keeps nothing of them."""

    def __init__(
        self, model: ModelProvider, loader: Loader, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._model, self._loader, self._clock = model, loader, clock

    async def answer(
        self, question: Question, conversation: Conversation, run: Generation
    ) -> AsyncGenerator[StreamingTurn, None]:
        """Yields the same live turn each time there is something to see; its `turn` is final at the end."""
        names = tuple(path.name for path, _ in question.files)
        live = StreamingTurn(Turn(question.words, names, question.pictures), self._clock)
        yield live
        error: WebUIError | None = None

        async def work(put: Callable[[Event], None]) -> None:
            await self._work(question, conversation, run, put)

        def started(task: asyncio.Future[None]) -> None:
            run.work = task

        try:
            async with aclosing(throttled(work, started)) as ticks:
                async for events in ticks:
                    for event in events:
                        live.take(event)
                    live.stopping = run.stopped
                    yield live
        except WebUIError as raised:
            error = raised
        live.finish(error, stopped=run.stopped)
        yield live

    async def _work(
        self,
        question: Question,
        conversation: Conversation,
        run: Generation,
        put: Callable[[Event], None],
    ) -> None:
        asked = question.words
        if question.files:
            loaded = await self._load(question, conversation, run, put)
            put(loaded)
            asked = Message("user", (*loaded.parts, *asked.parts))
        messages = conversation.ask(asked)
        if question.system_prompt:
            messages.insert(0, Message("system", (question.system_prompt,)))
        run.generating = True
        request = GenerationRequest(
            tuple(messages),
            question.sampling,
            run.request_id,
            conversation.key,
            run.owner,
            run.model,
        )
        async for delta in self._model.generate(request):
            put(delta)

    async def _load(
        self,
        question: Question,
        conversation: Conversation,
        run: Generation,
        put: Callable[[Event], None],
    ) -> Loaded:
        info = self._model.status(run.model).info
        room = max(info.media_tokens - conversation.media_tokens(info), 0) // len(question.files)
        parts: list[ImagePart | VideoPart] = []
        for path, selection in question.files:
            if question.suffixes and path.suffix.lower() not in question.suffixes:
                raise UnsupportedTypeError(name=path.name, accepted=question.accepted)

            def report(progress: Progress, name: str = path.name) -> None:
                put(Converting(name, progress))

            report(Progress("converting"))
            parts.extend(
                await self._loader.load(
                    path, info, selection, room, owner=run.owner, on_progress=report
                )
            )
        # Shrinking a hundred pages takes a while; others' streams go on meanwhile.
        return Loaded(tuple(parts), await asyncio.to_thread(pictures_of, parts))
