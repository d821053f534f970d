"""/v1/models and /v1/chat/completions, the part of OpenAI's API that fits a local model.

A client that disconnects ends its request, streaming or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from webui.access.visitors import Visitors
from webui.api.errors import (
    MAX_SHOWN_LENGTH,
    PREFIX,
    ErrorRoute,
    HTTPError,
    add_fallback_routes,
    error_response,
    error_status,
)
from webui.api.images import ImageLoader, ImageReader
from webui.api.json_body import BodyReader
from webui.api.openai_request import ChatRequest, load_messages, parse_chat_request
from webui.api.openai_response import ChatCompletion
from webui.api.retry_after import CompletionRate
from webui.api.streaming import (
    KEEPALIVE_S,
    EventStream,
    collect,
    discard,
    first_output,
    run_while_connected,
    server_sent_event,
    wait_for_first,
)
from webui.errors import ModelNotReadyError, QueueFullError, WebUIError
from webui.protocol import Delta, GenerationRequest, ModelInfo, ModelProvider, ModelStatus


def openai_router(
    provider: ModelProvider,
    reader: ImageReader,
    visitors: Visitors,
    max_body_bytes: int,
    *,
    keepalive_s: float = KEEPALIVE_S,
) -> APIRouter:
    """Return the routes below /v1.

    `max_body_bytes` bounds one request with its base64 images. A stream that is silent for
    `keepalive_s` gets a keepalive comment.
    """
    router = APIRouter(prefix=PREFIX, route_class=ErrorRoute)
    bodies = BodyReader(max_body_bytes)
    completions = ChatCompletions(provider, reader, bodies, keepalive_s)

    @router.api_route("/models", methods=["GET", "HEAD"])
    async def list_models(request: Request) -> JSONResponse:
        visitors.caller(request.scope)
        cards = [model_card(status.info) for status in provider.statuses()]
        return JSONResponse({"object": "list", "data": cards})

    @router.post("/chat/completions")
    async def create_chat_completion(request: Request) -> Response:
        owner = visitors.caller(request.scope)
        body = await bodies.read(request)
        max_context = max(status.info.context_length for status in provider.statuses())
        chat = await bodies.process(len(body), lambda: parse_chat_request(body, max_context))
        return await completions.create(chat, request, owner)

    add_fallback_routes(router)
    return router


class ChatCompletions:
    """Answers chat requests with the models of `provider`."""

    def __init__(
        self, provider: ModelProvider, reader: ImageReader, bodies: BodyReader, keepalive_s: float
    ) -> None:
        self._provider, self._reader, self._bodies = provider, reader, bodies
        self._keepalive_s = keepalive_s
        self._rate = CompletionRate()

    async def create(self, chat: ChatRequest, request: Request, owner: str) -> Response:
        """Return the completion, or the stream of it.

        An error before the first output sets the HTTP status. A stream waits for that output no
        longer than `keepalive_s`: then it begins, and a later error becomes an event.
        """
        generation = await self._generation_request(chat, request, owner)
        include_usage = chat.stream and chat.stream_options.include_usage
        completion = ChatCompletion(generation.id, generation.model_name, include_usage)
        deltas = self._provider.generate(generation)
        with ExitStack() as at_end:
            at_end.callback(self._provider.abort, generation.id)
            first = asyncio.create_task(first_output(deltas))
            at_end.callback(discard, first)
            timeout_s = self._keepalive_s if chat.stream else None
            try:
                await run_while_connected(request, wait_for_first(first, timeout_s))
            except QueueFullError as error:
                return error_response(error, self._rate.retry_after_s(error))
            at_end.callback(self._rate.record_completion)
            if not chat.stream:
                rest = await run_while_connected(request, collect(deltas))
                return JSONResponse(completion.complete([first.result(), *rest]))
            events = self._events(completion, first, deltas)
            return EventStream(events, at_end.pop_all(), keepalive_s=self._keepalive_s)

    async def _generation_request(
        self, chat: ChatRequest, request: Request, owner: str
    ) -> GenerationRequest:
        info = find_model(chat.model, self._provider).info
        images = ImageLoader(self._reader, self._bodies, info, owner)
        messages = await run_while_connected(request, load_messages(chat.messages, images))
        sampling = chat.sampling_for(info)
        return GenerationRequest(messages, sampling, uuid4().hex, owner=owner, model_name=info.name)

    async def _events(
        self, completion: ChatCompletion, first: asyncio.Task[Delta], rest: AsyncIterator[Delta]
    ) -> AsyncIterator[str]:
        """Yield the completion as events. The status has been sent, so an error is an event too."""
        yield server_sent_event(completion.first_chunk())
        try:
            for chunk in completion.chunks(await first):
                yield server_sent_event(chunk)
            async for delta in rest:
                for chunk in completion.chunks(delta):
                    yield server_sent_event(chunk)
        except WebUIError as error:
            yield server_sent_event(error_status(error)[1])
        yield "data: [DONE]\n\n"


def find_model(name: str, provider: ModelProvider) -> ModelStatus:
    """Return the model that a request names: "default", a name, or a hub id that ends with a name.

    "default" is the first model. A request for an unloaded model loads it and waits. Until the
    first model has been ready, ModelNotReadyError is raised instead, because a download may take an
    hour. Raises HTTPError 404 for an unknown name.
    """
    statuses = provider.statuses()
    if name == "default":
        status: ModelStatus | None = statuses[0]
    else:
        short_name = name.rsplit("/", 1)[-1]
        status = next((status for status in statuses if status.info.name == short_name), None)
    if status is None:
        names = ", ".join(repr(status.info.name) for status in statuses)
        reason = (
            f"The model {name[:MAX_SHOWN_LENGTH]!r} does not run here. "
            f"Running: {names}, the first also as 'default'."
        )
        raise HTTPError(404, "model_not_found", reason, param="model")
    if status.state == "loading" and not status.served:
        raise ModelNotReadyError(model=status.info.name)
    return status


def model_card(info: ModelInfo) -> dict[str, Any]:
    return {
        "id": info.name,
        "object": "model",
        "created": 0,
        "owned_by": "local",
        "max_model_len": info.context_length,
    }
