"""Requests to an engine, and what they return."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from webui.protocol import Delta, Engine, GenerationRequest, Message, SamplingParams

# Against a hang of a failing test; nothing is timed.
GUARD_S = 60


def make_request(
    text: str, request_id: str = "a", model_name: str = "", **sampling
) -> GenerationRequest:
    messages = (Message("user", (text,)),)
    return GenerationRequest(
        messages, SamplingParams(**sampling), request_id, model_name=model_name
    )


async def collect(engine: Engine, request: GenerationRequest) -> list[Delta]:
    """Return all deltas of the request."""
    return [delta async for delta in engine.generate(request)]


def content_of(deltas: list[Delta]) -> str:
    return "".join(delta.content for delta in deltas)


async def gather_within_guard(*awaitables) -> list:
    return await asyncio.wait_for(asyncio.gather(*awaitables), GUARD_S)


async def wait_until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds, without blocking the event loop."""
    deadline = time.monotonic() + GUARD_S
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
