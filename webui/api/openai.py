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
from webui.api.answers import Answer
from webui.api.chat_request import ChatRequest, read_chat_request
from webui.api.failures import HTTPError, failure, failure_response
from webui.api.models import card, find_model
from webui.api.pictures import ImageReader, make_messages
from webui.errors import WebUIError
from webui.protocol import Delta, GenerationRequest, Model

MEGABYTE = 1024**2
CLIENT_CLOSED_REQUEST = 499


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


def openai_router(model: Model, reader: ImageReader, visitors: Visitors, max_body_bytes: int) -> APIRouter:
    """`max_body_bytes` bounds one request; its pictures are base64 within it."""
    router = APIRouter(prefix="/v1", route_class=FailureRoute)
    completions = Completions(model, reader)

    @router.get("/models")
    async def models(request: Request) -> JSONResponse:
        visitors.caller(request.scope)
        return JSONResponse({"object": "list", "data": [card(status.info) for status in model.statuses()]})

    @router.post("/chat/completions")
    async def complete(request: Request) -> Response:
        owner = visitors.caller(request.scope)
        body = await read_body(request, max_body_bytes)
        return await completions.answer(read_chat_request(body), request, owner)

    return router


class Completions:
    def __init__(self, model: Model, reader: ImageReader) -> None:
        self._model, self._reader = model, reader

    async def answer(self, asked: ChatRequest, request: Request, owner: str) -> Response:
        status = find_model(asked.model, self._model)
        messages = await make_messages(asked.messages, self._reader, status.info)
        sampling, name = asked.sampling_for(status.info), status.info.name
        generation = GenerationRequest(messages, sampling, uuid4().hex, owner=owner, model=name)
        answer = Answer(generation.id, name, asked.stream and asked.stream_options.include_usage)
        deltas = self._model.generate(generation)
        with ExitStack() as at_end:
            at_end.callback(self._model.abort, generation.id)
            first = await self._unless_gone(request, first_said(deltas))
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
                raise HTTPError(CLIENT_CLOSED_REQUEST, "client_closed_request", "The client went away.")
            return await working
        finally:
            for task in (working, leaving):
                task.cancel()
                with suppress(asyncio.CancelledError, WebUIError):
                    await task

    async def _events(self, answer: Answer, first: Delta, rest: AsyncIterator[Delta]) -> AsyncIterator[str]:
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
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
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


async def read_body(request: Request, most: int) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/json":
        raise HTTPError(415, "unsupported_media_type", f"The body is {kind!r}; accepted: application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            reason = f"The request is larger than {most // MEGABYTE} MB. Send fewer or smaller pictures."
            raise HTTPError(413, "request_too_large", reason)
    return bytes(body)


def event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
