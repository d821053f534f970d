"""/v1: the part of OpenAI's API that fits a model of one's own. JSON to GenerationRequest, deltas to JSON.

A client that goes away ends its request, streaming or not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, suppress
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from webui.access.visitors import Visitors
from webui.api.bodies import Bodies, client_closed
from webui.api.errors import PREFIX, failure, failure_response
from webui.api.models import card, find_model
from webui.api.openai_request import ChatRequest, read_chat_request
from webui.api.openai_response import Answer
from webui.api.pictures import ImageReader, MessageMaker
from webui.api.queue_pace import QueuePace
from webui.api.unknown_paths import add_unknown_paths
from webui.errors import QueueFullError, WebUIError
from webui.protocol import Delta, GenerationRequest, ModelProvider


class FailureRoute(APIRoute):
    """Answers our errors in OpenAI's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except WebUIError as error:
                return failure_response(error)

        return answer


def openai_router(
    model: ModelProvider, reader: ImageReader, visitors: Visitors, max_body_bytes: int
) -> APIRouter:
    """`max_body_bytes` bounds one request; its pictures are base64 within it."""
    router = APIRouter(prefix=PREFIX, route_class=FailureRoute)
    bodies = Bodies(max_body_bytes)
    completions = Completions(model, reader, bodies)

    @router.api_route("/models", methods=["GET", "HEAD"])
    async def models(request: Request) -> JSONResponse:
        visitors.caller(request.scope)
        return JSONResponse(
            {"object": "list", "data": [card(status.info) for status in model.statuses()]}
        )

    @router.post("/chat/completions")
    async def complete(request: Request) -> Response:
        owner = visitors.caller(request.scope)
        body = await bodies.read(request)
        longest = max(status.info.context_length for status in model.statuses())
        asked = await bodies.work(len(body), lambda: read_chat_request(body, longest))
        return await completions.answer(asked, request, owner)

    add_unknown_paths(router)
    return router


class Completions:
    def __init__(self, model: ModelProvider, reader: ImageReader, bodies: Bodies) -> None:
        self._model, self._reader, self._bodies = model, reader, bodies
        self._pace = QueuePace()

    async def answer(self, asked: ChatRequest, request: Request, owner: str) -> Response:
        info = find_model(asked.model, self._model).info
        maker = MessageMaker(self._reader, self._bodies, info, owner)
        messages = await self._unless_gone(request, maker.make(asked.messages))
        sampling = asked.sampling_for(info)
        generation = GenerationRequest(
            messages, sampling, uuid4().hex, owner=owner, model_name=info.name
        )
        answer = Answer(
            generation.id, info.name, asked.stream and asked.stream_options.include_usage
        )
        deltas = self._model.generate(generation)
        with ExitStack() as at_end:
            at_end.callback(self._model.abort, generation.id)
            try:
                first = await self._unless_gone(request, first_said(deltas))
            except QueueFullError as error:
                return failure_response(error, self._pace.wait_s(error))
            at_end.callback(self._pace.answered)
            if not asked.stream:
                rest = await self._unless_gone(request, collect(deltas))
                return JSONResponse(answer.whole([first, *rest]))
            return EventStream(self._events(answer, first, deltas), at_end.pop_all())

    async def _unless_gone(self, request: Request, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of `work`, which is cancelled when the client hangs up."""
        working, leaving = asyncio.create_task(work), asyncio.create_task(gone(request))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise client_closed()
            return await working
        finally:
            for task in (working, leaving):
                task.cancel()
                with suppress(asyncio.CancelledError, WebUIError):
                    await task

    async def _events(
        self, answer: Answer, first: Delta, rest: AsyncIterator[Delta]
    ) -> AsyncIterator[str]:
        """The answer as server-sent events. It is too late for a status: an error becomes an event of its own."""
        yield event(answer.opening())
        try:
            for chunk in answer.chunks(first):
                yield event(chunk)
            async for delta in rest:
                for chunk in answer.chunks(delta):
                    yield event(chunk)
        except WebUIError as error:
            yield event(failure(error)[1])
        yield "data: [DONE]\n\n"


class EventStream(StreamingResponse):
    """Ends its request however it ends itself, even if it never began."""

    def __init__(self, events: AsyncIterator[str], at_end: ExitStack) -> None:
        super().__init__(
            events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
        )
        self._at_end = at_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._at_end:
            await super().__call__(scope, receive, send)


async def first_said(deltas: AsyncIterator[Delta]) -> Delta:
    """The first delta that says anything: until then an error can still become an HTTP status.

    That a model loads says nothing yet: loading may fail.
    """
    async for delta in deltas:
        loading = delta.progress is not None and delta.progress.phase == "loading"
        if delta != Delta() and not loading:
            return delta
    return Delta()


async def collect(deltas: AsyncIterator[Delta]) -> list[Delta]:
    return [delta async for delta in deltas]


async def gone(request: Request) -> None:
    """Returns when the client hangs up. To be awaited once the body is read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
