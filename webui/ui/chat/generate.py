"""AnswerGenerator: one question from its files to the last token of its answer.

Knows the protocols of the engine and of the media reader, and no component.
"""

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
from webui.ui.chat.streaming_turn import (
    AnswerEvent,
    AttachmentsReady,
    ConversionProgress,
    StreamingTurn,
)
from webui.ui.conversation import Conversation, Picture, Turn
from webui.ui.page_sessions import Generation
from webui.ui.render.thumbnails import make_thumbnails
from webui.ui.throttle import throttled
from webui.ui.viewer.uploads import Upload


class AttachmentLoader(Protocol):
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
    """A message of the user: the text, the files with the selection in each, and the settings.

    `files` keep the pages that their previews have decoded until they are loaded. A `typed` message
    goes back into the message box when it fails; an example or a retry does not.
    A `retry` replaces the last turn, and brings the `parts`, with their `pictures`, that were
    loaded for it. `refusal` is why the tab does not take one of the files.
    """

    text: str
    typed: bool = False
    retry: bool = False
    parts: tuple[Part, ...] = ()
    pictures: tuple[Picture, ...] = ()
    files: tuple[Upload, ...] = ()
    system_prompt: str = ""
    sampling: SamplingParams = field(default_factory=SamplingParams)
    refusal: UnsupportedTypeError | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.parts or self.files)

    @property
    def message(self) -> Message:
        """The message without the files that are still to be loaded."""
        return Message("user", (*self.parts, self.text) if self.text else self.parts)


class AnswerGenerator:
    """Answers questions with one model and one loader; keeps nothing of them."""

    def __init__(
        self,
        model: ModelProvider,
        loader: AttachmentLoader,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model, self._loader, self._clock = model, loader, clock

    async def answer(
        self, question: Question, conversation: Conversation, generation: Generation
    ) -> AsyncGenerator[StreamingTurn, None]:
        """Yield one streaming turn each time it has changed; its `turn` is final at the end."""
        names = tuple(upload.path.name for upload in question.files)
        streaming = StreamingTurn(Turn(question.message, names, question.pictures), self._clock)
        yield streaming
        error: WebUIError | None = None

        async def work(put: Callable[[AnswerEvent], None]) -> None:
            await self._generate(question, conversation, generation, put)

        def keep_task(task: asyncio.Future[None]) -> None:
            generation.work = task

        try:
            async with aclosing(throttled(work, keep_task)) as batches:
                async for events in batches:
                    for event in events:
                        streaming.add_event(event)
                    streaming.stopping = generation.stopped
                    yield streaming
        except WebUIError as raised:
            error = raised
        streaming.finish(error, stopped=generation.stopped)
        yield streaming

    async def _generate(
        self,
        question: Question,
        conversation: Conversation,
        generation: Generation,
        put: Callable[[AnswerEvent], None],
    ) -> None:
        """Load the files, then pass the engine's deltas on."""
        message = question.message
        if question.files:
            attachments = await self._load_files(question, conversation, generation, put)
            put(attachments)
            message = Message("user", (*attachments.parts, *message.parts))
        messages = conversation.with_question(message)
        if question.system_prompt:
            messages.insert(0, Message("system", (question.system_prompt,)))
        generation.sent_to_engine = True
        request = GenerationRequest(
            tuple(messages),
            question.sampling,
            generation.request_id,
            conversation.key,
            generation.owner,
            generation.model,
        )
        async for delta in self._model.generate(request):
            put(delta)

    async def _load_files(
        self,
        question: Question,
        conversation: Conversation,
        generation: Generation,
        put: Callable[[AnswerEvent], None],
    ) -> AttachmentsReady:
        """Convert the files at equal shares of the tokens that the conversation has left."""
        if question.refusal is not None:
            raise question.refusal
        info = self._model.status(generation.model).info
        max_tokens = conversation.media_tokens_left(info) // len(question.files)
        parts: list[ImagePart | VideoPart] = []
        pictures: list[Picture] = []
        for upload in question.files:
            path = upload.path

            def report(progress: Progress, name: str = path.name) -> None:
                put(ConversionProgress(name, progress))

            report(Progress("converting"))
            loaded = await self._loader.load(
                path,
                info,
                upload.selection,
                max_tokens,
                owner=generation.owner,
                on_progress=report,
            )
            parts.extend(loaded)
            # Off the event loop: shrinking a hundred pages takes a while, and other answers
            # stream on.
            pictures += await asyncio.to_thread(make_thumbnails, loaded, upload.pictures)
        return AttachmentsReady(tuple(parts), tuple(pictures))
