"""Streaming requests over HTTP, each with the text, pictures and pages of one question."""

from __future__ import annotations

import base64
import io
import json
from time import perf_counter
from typing import Any

import httpx
from PIL import Image

from bench.watch import Watched
from webui.protocol import ImagePart, Message, Usage

TIMEOUT_S = 240.0


def data_url(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def chat_body(model_name: str, messages: tuple[Message, ...], max_tokens: int) -> dict[str, Any]:
    """Return the body of a greedy, streamed chat completion."""
    turns = []
    for message in messages:
        content: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, ImagePart):
                content.append({"type": "image_url", "image_url": {"url": data_url(part.image)}})
            else:
                content.append({"type": "text", "text": part})
        turns.append({"role": message.role, "content": content})
    return {
        "model": model_name,
        "messages": turns,
        "max_tokens": max_tokens,
        "temperature": 0,
        "repetition_penalty": 1.0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def watch_over_http(client: httpx.AsyncClient, body: dict[str, Any]) -> Watched:
    """Send one request and read its stream to the end. Raises RuntimeError for a refusal."""
    watched = Watched()
    async with client.stream("POST", "/v1/chat/completions", json=body) as response:
        if response.status_code != 200:
            refusal = (await response.aread()).decode()
            raise RuntimeError(f"status {response.status_code}: {refusal[:200]}")
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                read_event(watched, json.loads(line[len("data: ") :]))
    return watched


def read_event(watched: Watched, event: dict[str, Any]) -> None:
    if "error" in event:
        raise RuntimeError(str(event["error"]))
    if usage := event.get("usage"):
        watched.usage = Usage(usage["prompt_tokens"], usage["completion_tokens"])
    for choice in event["choices"]:
        delta = choice["delta"]
        reasoning, content = delta.get("reasoning_content") or "", delta.get("content") or ""
        watched.reasoning += reasoning
        watched.content += content
        if reasoning or content:
            watched.times.append(perf_counter() - watched.sent)
